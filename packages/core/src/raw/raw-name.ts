import { KeyfoldError } from '../errors.ts'

const utf8 = new TextEncoder()

/**
 * A raw key's name as the bytes of its entries.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for text that is empty, ill-formed or too long, and for a namespace that
 *   belongs to AWS KMS. Source: keyring-interface.md, "Key Provider ID"
 */
export function demandName(what: string, namespace: string, name: string): Uint8Array {
  demandText(what, 'namespace', namespace)
  if (namespace.startsWith('aws-kms')) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: a namespace that starts with aws-kms belongs to AWS KMS`)
  }
  return demandText(what, 'name', name)
}

/** Room for a raw AES entry's lengths and iv behind the name. */
const longest = 0xffff - 20

function demandText(what: string, field: string, text: unknown): Uint8Array {
  if (typeof text !== 'string' || text === '' || !text.isWellFormed()) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: ${field}: expected well-formed text that is not empty`)
  }
  const bytes = utf8.encode(text)
  if (bytes.length <= longest) return bytes
  throw new KeyfoldError('INVALID_ARGUMENT', `${what}: ${field}: ${bytes.length} bytes, at most ${longest}`)
}
