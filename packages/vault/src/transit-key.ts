import { KeyfoldError } from '@keyfold/core'

/** How a key binds the context. */
export type Binding = 'derived' | 'aad' | 'none'

/** What Transit tells of a key. */
export interface KeyReading {
  readonly type: string
  readonly derived: boolean
  readonly encrypts: boolean
  /** OpenBao's: a key that refuses its work until it is restored. */
  readonly softDeleted: boolean
  readonly latestVersion: number
  readonly minDecryptionVersion: number
  readonly deletionAllowed: boolean
  readonly autoRotatePeriodMs: number | undefined
}

/** Reads the answer about a key. @throws KeyfoldError `TRANSPORT_CORRUPTION` where it is about something else */
export function parseKeyReading(data: Readonly<Record<string, unknown>>): KeyReading {
  const { type, derived, latest_version: latestVersion, min_decryption_version: minDecryptionVersion } = data
  const { auto_rotate_period: seconds } = data
  if (
    typeof type !== 'string' ||
    typeof derived !== 'boolean' ||
    typeof latestVersion !== 'number' ||
    typeof minDecryptionVersion !== 'number'
  ) {
    throw new KeyfoldError('TRANSPORT_CORRUPTION', 'the answer describes no key')
  }
  return {
    type,
    derived,
    latestVersion,
    minDecryptionVersion,
    encrypts: data['supports_encryption'] === true && data['supports_decryption'] === true,
    softDeleted: data['soft_deleted'] === true,
    deletionAllowed: data['deletion_allowed'] === true,
    autoRotatePeriodMs: typeof seconds === 'number' ? seconds * 1000 : undefined,
  }
}

/** Keys that authenticate data beside the plaintext. */
const aead = /^(aes(128|256)-gcm96|x?chacha20-poly1305)$/

/**
 * How the key binds the context.
 *
 * A `context` that is given for a key that is not derived is accepted by the service, and binds nothing: hence the look.
 *
 * @param wanted what the configuration expects of it
 * @throws KeyfoldError `UNSUPPORTED` for a key that does not encrypt, `POLICY_VIOLATION` for one that binds nothing,
 *   `INVALID_ARGUMENT` for one that binds otherwise than expected
 */
export function bindingOf(name: string, { type, derived, encrypts }: KeyReading, wanted: Binding | undefined): Binding {
  if (!encrypts) throw new KeyfoldError('UNSUPPORTED', `${name}: a key of type ${printable(type)} does not encrypt`)
  const able: Binding = derived ? 'derived' : aead.test(type) ? 'aad' : 'none'
  if (wanted === 'none') {
    if (!derived) return 'none'
    throw new KeyfoldError('INVALID_ARGUMENT', `${name}: binding 'none': a derived key needs a context`)
  }
  if (able === 'none') {
    const message = `${name}: a key of type ${printable(type)} cannot bind the context (binding: 'none' allows it)`
    throw new KeyfoldError('POLICY_VIOLATION', message)
  }
  if (wanted === undefined || wanted === able) return able
  throw new KeyfoldError('INVALID_ARGUMENT', `${name}: binding '${wanted}': the key binds by '${able}'`)
}

function printable(type: string): string {
  return /^[\w-]{1,40}$/.test(type) ? type : 'another kind'
}
