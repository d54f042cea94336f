/*
 * Where a recorded call is not made anew, or a server answers it otherwise than the service did, each with its reason.
 */

const rsa = 'an RSA key: no data key is wrapped with one here'
const imported = 'needs imported key material, which changes nothing in how data keys are wrapped'
const policy = 'a key policy that denies: neither server heeds it'
const rsaSizes = ['2048', '3072', '4096'].flatMap((bits) =>
  ['1', '256'].map((hash) => `RSA ${bits}-RSAES OAEP SHA ${hash}`),
)
const onDemand = 'rotate key on demand updates current key material for external keys'

/** What is not made anew, and why. */
export const notComparable: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    rsaSizes.map((of) => [`encrypt validate plaintext size per key type[${of}] / generate-random-exc`, rsa]),
  ),
  'import key symmetric / describe-key-after-import': imported,
  'import key symmetric / describe-key-after-deleted-import': imported,
  'import key symmetric / encrypt-after-delete-error': imported,
  'import key rsa aes wrap sha256 / describe-before-import': rsa,
  'import key rsa aes wrap sha256 / import-key-material-response': rsa,
  'import key rsa aes wrap sha256 / describe-key-after-deleted-import': rsa,
  [`${onDemand} / describe-empty-key-response`]: imported,
  [`${onDemand} / describe-key-with-material-response`]: imported,
  [`${onDemand} / kms-encrypt-initial-response`]: imported,
  [`${onDemand} / describe-key-with-new-material-response`]: imported,
  [`${onDemand} / describe-key-after-rotation`]: imported,
  [`${onDemand} / kms-encrypt-rotated-key-response`]: imported,
  'rotate key on demand for external keys decrypts with previous material / kms-encrypt-initial-response': imported,
  'describe key denied by key policy / 0': policy,
  'rotation status of a key with imported material / 0': imported,
}

interface Unlike {
  /** What it never says. */
  readonly lacks: readonly string[]
  /** Where it answers otherwise, and how. */
  readonly answers: Readonly<Record<string, string>>
}

const changedBytes = 'decrypt after changing the first byte, dropping a byte and changing the last byte'

/** Where a server answers otherwise than the service was recorded to. */
export const unlikeTheService: Readonly<Record<'moto' | 'LocalStack', Unlike>> = {
  moto: {
    lacks: ['CurrentKeyMaterialId', 'MultiRegion: false', 'KeyId of a rotation status'],
    answers: {
      'replicate key / describe-replicated-key': 'it makes no replica that can be asked for',
      'import key symmetric / encrypt-before-import-error': 'it encrypts without key material',
      'import key symmetric / describe-key-before-import': 'it calls a key without material enabled',
      'error messaging for invalid keys / encrypt-invalid-key-id': 'it encrypts with a key for signing',
      'error messaging for invalid keys / decrypt-invalid-key-id': 'AccessDeniedException for a wrong KeyId',
      'encryption context generate data key pair / decrypt-without-encryption-context':
        'it does not generate key pairs',
      'encryption context generate data key pair without plaintext / decrypt-without-encryption-context':
        'it does not generate key pairs',
      [`${changedBytes} / 2`]: 'AccessDeniedException: it finds no key of that name',
      'rotation status of a key with imported material / 1': 'it tells a status of imported material',
    },
  },
  LocalStack: {
    lacks: ['CurrentKeyMaterialId'],
    answers: {
      [`${changedBytes} / 2`]: 'NotFoundException: it finds no key of that name',
      'rotation status of a key with imported material / 1': 'it tells a status of imported material',
    },
  },
}
