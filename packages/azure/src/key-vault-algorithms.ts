import type { CryptographyClient, CryptographyOptions } from '@azure/keyvault-keys'
import { KeyfoldError } from '@keyfold/core'

/** What a data key is wrapped with. */
export type KeyVaultAlgorithm = 'RSA-OAEP-256' | 'A256KW' | 'A256GCM'

/** One algorithm: what it promises, and how the client does it. */
export interface AlgorithmRow {
  readonly bindsContext: boolean
  readonly authenticatesWriter: boolean
  /** As the service writes them. */
  readonly keyTypes: readonly string[]
  /** What a key must permit to seal and to open. */
  readonly operations: readonly string[]
  /** Whether a ciphertext may be of a data key of that length; no request is made for one that cannot. */
  mayHold(ciphertext: Uint8Array, length: number): boolean
  /** @returns what the entry holds */
  seal(call: AlgorithmCall & { readonly dataKey: Uint8Array }): Promise<Uint8Array>
  open(call: AlgorithmCall & { readonly ciphertext: Uint8Array }): Promise<Uint8Array>
}

export interface AlgorithmCall {
  readonly client: CryptographyClient
  /** SHA-256 of the context. */
  readonly digest: Uint8Array
  readonly options: CryptographyOptions
}

const rsa = ['RSA', 'RSA-HSM']
const aes = ['oct', 'oct-HSM']

export const algorithms: Readonly<Record<KeyVaultAlgorithm, AlgorithmRow>> = {
  'RSA-OAEP-256': {
    bindsContext: false,
    authenticatesWriter: false, // the public key is all that it takes
    keyTypes: rsa,
    operations: ['wrapKey', 'unwrapKey'],
    mayHold: (ciphertext) => ciphertext.length >= 256 && ciphertext.length <= 512,
    ...wrapping('RSA-OAEP-256'),
  },
  A256KW: {
    bindsContext: false,
    authenticatesWriter: true,
    keyTypes: aes,
    operations: ['wrapKey', 'unwrapKey'],
    mayHold: (ciphertext, length) => ciphertext.length === length + 8,
    ...wrapping('A256KW'),
  },
  A256GCM: {
    bindsContext: true,
    authenticatesWriter: true,
    keyTypes: aes,
    operations: ['encrypt', 'decrypt'],
    mayHold: (ciphertext, length) => ciphertext.length === ivLength + length + tagLength,
    seal: sealWithGcm,
    open: openWithGcm,
  },
}

function wrapping(algorithm: 'RSA-OAEP-256' | 'A256KW'): Pick<AlgorithmRow, 'seal' | 'open'> {
  return {
    seal: async ({ client, dataKey, options }) => (await client.wrapKey(algorithm, dataKey, options)).result,
    open: async ({ client, ciphertext, options }) => (await client.unwrapKey(algorithm, ciphertext, options)).result,
  }
}

/*
 * What an A256GCM entry holds:
 *
 *     iv (12, drawn by the service) ‖ ciphertext (as long as the data key) ‖ tag (16)
 */
const ivLength = 12
const tagLength = 16

/**
 * The additional data is a digest of fixed length, for the service fills it up to a multiple of 8 bytes with zeros:
 * contexts that differ in trailing zeros alone would otherwise pass for each other.
 */
async function sealWithGcm({
  client,
  dataKey,
  digest,
  options,
}: Parameters<AlgorithmRow['seal']>[0]): Promise<Uint8Array> {
  const parameters = { algorithm: 'A256GCM', plaintext: dataKey, additionalAuthenticatedData: digest } as const
  const { iv, result, authenticationTag } = await client.encrypt(parameters, options)
  if (iv?.length === ivLength && result.length === dataKey.length && authenticationTag?.length === tagLength) {
    return Buffer.concat([iv, result, authenticationTag])
  }
  throw new KeyfoldError(
    'UNKNOWN',
    `A256GCM: expected an iv of ${ivLength} bytes and a tag of ${tagLength} in the answer`,
  )
}

async function openWithGcm({
  client,
  ciphertext,
  digest,
  options,
}: Parameters<AlgorithmRow['open']>[0]): Promise<Uint8Array> {
  const parameters = {
    algorithm: 'A256GCM',
    iv: ciphertext.subarray(0, ivLength),
    ciphertext: ciphertext.subarray(ivLength, -tagLength),
    authenticationTag: ciphertext.subarray(-tagLength),
    additionalAuthenticatedData: digest,
  } as const
  return (await client.decrypt(parameters, options)).result
}
