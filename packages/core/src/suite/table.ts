/**
 * The algorithm suites of the message format, as data: everything about one suite is in its row.
 * Source: algorithm-suites.md, "Supported Algorithm Suites"; names as in the AWS Encryption SDKs' documentation.
 */
export interface Suite {
  /** The format's two-byte number. */
  readonly id: number
  readonly name: string
  /** Version of the message format that carries it; v2 has a 32-byte message id and the commitment in its header. */
  readonly messageVersion: 1 | 2
  readonly cipher: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm'
  /** Length in bytes of the key that seals header and frames. */
  readonly keyLength: 16 | 24 | 32
  /** Length in bytes of the data key that providers wrap. */
  readonly dataKeyLength: 16 | 24 | 32
  /** HKDF's hash; absent where the data key itself is the message key. */
  readonly kdfHash?: Hash
  /** Whether the header carries a value that only one data key can produce. */
  readonly committing: boolean
  readonly signature?: SignatureAlgorithm
  readonly messageIdLength: 16 | 32
}

export type Hash = 'sha256' | 'sha384' | 'sha512'

export interface SignatureAlgorithm {
  readonly curve: 'P-256' | 'P-384'
  readonly hash: 'sha256' | 'sha384'
  /** Length in bytes of a compressed public key. */
  readonly publicKeyLength: 33 | 49
}

/** Length in bytes of every suite's AES-GCM iv. */
export const ivLength = 12
/** Length in bytes of every suite's AES-GCM tag. */
export const tagLength = 16
/** Length in bytes of the key commitment in a v2 header. */
export const commitmentLength = 32

const p256: SignatureAlgorithm = { curve: 'P-256', hash: 'sha256', publicKeyLength: 33 }
const p384: SignatureAlgorithm = { curve: 'P-384', hash: 'sha384', publicKeyLength: 49 }

type Aes = Pick<Suite, 'cipher' | 'keyLength' | 'dataKeyLength'>
const aes128: Aes = { cipher: 'aes-128-gcm', keyLength: 16, dataKeyLength: 16 }
const aes192: Aes = { cipher: 'aes-192-gcm', keyLength: 24, dataKeyLength: 24 }
const aes256: Aes = { cipher: 'aes-256-gcm', keyLength: 32, dataKeyLength: 32 }

const v1 = { messageVersion: 1, messageIdLength: 16, committing: false } as const
const v2 = { messageVersion: 2, messageIdLength: 32, committing: true } as const

const rows: readonly Suite[] = [
  {
    id: 0x0578,
    name: 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384',
    ...v2,
    ...aes256,
    kdfHash: 'sha512',
    signature: p384,
  },
  { id: 0x0478, name: 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY', ...v2, ...aes256, kdfHash: 'sha512' },
  { id: 0x0378, name: 'AES_256_GCM_HKDF_SHA384_ECDSA_P384', ...v1, ...aes256, kdfHash: 'sha384', signature: p384 },
  { id: 0x0346, name: 'AES_192_GCM_HKDF_SHA384_ECDSA_P384', ...v1, ...aes192, kdfHash: 'sha384', signature: p384 },
  { id: 0x0214, name: 'AES_128_GCM_HKDF_SHA256_ECDSA_P256', ...v1, ...aes128, kdfHash: 'sha256', signature: p256 },
  { id: 0x0178, name: 'AES_256_GCM_HKDF_SHA256', ...v1, ...aes256, kdfHash: 'sha256' },
  { id: 0x0146, name: 'AES_192_GCM_HKDF_SHA256', ...v1, ...aes192, kdfHash: 'sha256' },
  { id: 0x0114, name: 'AES_128_GCM_HKDF_SHA256', ...v1, ...aes128, kdfHash: 'sha256' },
  { id: 0x0078, name: 'AES_256_GCM_NO_KDF', ...v1, ...aes256 },
  { id: 0x0046, name: 'AES_192_GCM_NO_KDF', ...v1, ...aes192 },
  { id: 0x0014, name: 'AES_128_GCM_NO_KDF', ...v1, ...aes128 },
]

/** All suites by number. */
export const suites: ReadonlyMap<number, Suite> = new Map(rows.map((suite) => [suite.id, suite]))

/** A suite's number as it is written everywhere: `0x0478`. */
export function formatSuiteId(id: number): string {
  return `0x${id.toString(16).padStart(4, '0')}`
}
