import { KeyfoldError, SecretBytes } from '@keyfold/core'

/** The `data` of an answer. @throws KeyfoldError `TRANSPORT_CORRUPTION` */
export function demandAnswer(body: unknown): Readonly<Record<string, unknown>> {
  const data = isRecord(body) ? body['data'] : undefined
  if (isRecord(data)) return data
  throw corrupted('data')
}

/** Whether a text is a ciphertext of Transit, in the one way in which the service writes it. */
export function isTransitText(text: string): boolean {
  const [, base64] = /^vault:v[1-9][0-9]{0,9}:([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  return base64 !== undefined && Buffer.from(base64, 'base64').toString('base64') === base64
}

/** The ciphertext in an answer, as an entry holds it. @throws KeyfoldError `TRANSPORT_CORRUPTION` */
export function demandCiphertext(answer: object): Uint8Array {
  const text = 'ciphertext' in answer ? answer.ciphertext : undefined
  if (typeof text === 'string' && isTransitText(text)) return new TextEncoder().encode(text)
  throw corrupted('ciphertext')
}

/** The data key in an answer. @throws KeyfoldError `TRANSPORT_CORRUPTION` */
export function secretIn(answer: object): SecretBytes {
  const text = 'plaintext' in answer ? answer.plaintext : undefined
  if (typeof text !== 'string') throw corrupted('plaintext')
  // A small buffer is a piece of one that others share: copied out of it, and wiped there.
  const decoded = Buffer.from(text, 'base64')
  const bytes = Uint8Array.from(decoded)
  const whole = decoded.toString('base64') === text
  decoded.fill(0)
  const secret = SecretBytes.from(bytes)
  if (whole) return secret
  secret[Symbol.dispose]()
  throw corrupted('plaintext')
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function corrupted(field: string): KeyfoldError {
  return new KeyfoldError('TRANSPORT_CORRUPTION', `the answer's ${field} is not what the service writes`)
}
