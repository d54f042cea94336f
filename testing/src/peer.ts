/**
 * What another implementation of the message format can be asked to do. Each peer answers through this one interface, so
 * that an interop test is written once and run against all of them, in both directions.
 */
export interface Peer extends AsyncDisposable {
  /** Package, version and language, as the frozen vectors name their producer. */
  readonly name: string
  supports(feature: PeerFeature): boolean
  /** @throws PeerError when the implementation refuses the request. */
  encrypt(request: EncryptRequest): Promise<Uint8Array>
  /** @throws PeerError when the implementation refuses the message. */
  decrypt(request: DecryptRequest): Promise<DecryptResult>
}

/** Where the implementations differ in what they can do at all; everything else, all of them do. */
export type PeerFeature =
  /** Writes unframed bodies (`frameLength: 0`). All read them. */
  | 'writes-unframed'
  /** Writes and reads messages with withheld context (`requiredContextKeys`). */
  | 'withheld-context'
  /** Writes frames of any length; otherwise only of multiples of 128 bytes. Reading, the length does not matter. */
  | 'every-frame-length'
  /** Writes and reads frame lengths over 2147483647. */
  | 'frames-over-2-gib'

export interface EncryptRequest {
  readonly plaintext: Uint8Array
  readonly suite: SuiteId
  /** In bytes; 0 for an unframed body. */
  readonly frameLength: number
  readonly context: EncryptionContext
  readonly commitmentPolicy: CommitmentPolicy
  readonly keyring: KeyringDescription
  /** The keys of the context's pairs to withhold from the header. */
  readonly requiredContextKeys?: readonly string[]
}

export interface DecryptRequest {
  readonly ciphertext: Uint8Array
  readonly commitmentPolicy: CommitmentPolicy
  readonly keyring: KeyringDescription
  /** Pairs that the message must have: withheld ones have to be here, stored ones may be and must then be equal. */
  readonly context?: EncryptionContext
  readonly requiredContextKeys?: readonly string[]
}

export interface DecryptResult {
  readonly plaintext: Uint8Array
  /** What the header stores: without the withheld pairs, with a signed suite's `aws-crypto-public-key`. */
  readonly context: EncryptionContext
}

export type EncryptionContext = Readonly<Record<string, string>>

export type SuiteId = '0014' | '0046' | '0078' | '0114' | '0146' | '0178' | '0214' | '0346' | '0378' | '0478' | '0578'

export type CommitmentPolicy =
  | 'FORBID_ENCRYPT_ALLOW_DECRYPT'
  | 'REQUIRE_ENCRYPT_ALLOW_DECRYPT'
  | 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT'

/** Plain data, so that it can cross a pipe and be kept in a vector. */
export type KeyringDescription = RawAesKeyring | RawRsaKeyring | AwsKmsKeyring | MultiKeyring

export interface RawAesKeyring {
  readonly type: 'raw-aes'
  readonly namespace: string
  readonly name: string
  /** base64 of 16, 24 or 32 bytes; the length chooses the wrapping algorithm. */
  readonly key: string
}

export interface RawRsaKeyring {
  readonly type: 'raw-rsa'
  readonly namespace: string
  readonly name: string
  readonly padding: RsaPadding
  /** PEM, SubjectPublicKeyInfo. Needed to encrypt. */
  readonly publicKey?: string
  /** PEM, PKCS#8. Needed to decrypt. */
  readonly privateKey?: string
}

export type RsaPadding = 'pkcs1' | 'oaep-sha1' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512'

export interface AwsKmsKeyring {
  readonly type: 'aws-kms'
  /** A key ARN. */
  readonly keyId: string
  readonly region: string
  /** The address of a server that answers as AWS KMS does, with any credentials. */
  readonly endpoint: string
}

export interface MultiKeyring {
  readonly type: 'multi'
  /** Makes the data key; needed to encrypt. */
  readonly generator?: KeyringDescription
  readonly children: readonly KeyringDescription[]
}

/** An implementation's refusal, or the death of the process that it runs in. */
export class PeerError extends Error {
  /** The implementation's own name for the error. */
  readonly type: string

  constructor(message: string, { type, ...options }: ErrorOptions & { readonly type: string }) {
    super(message, options)
    this.name = 'PeerError'
    this.type = type
  }
}
