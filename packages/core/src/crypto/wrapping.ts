import type { MaybePromise } from './maybe-promise.ts'

/**
 * A key that stays in its library: a Node `KeyObject` or a WebCrypto `CryptoKey`. Described by what both have, so that
 * these types need neither's declarations.
 */
export interface KeyHandle {
  readonly type: 'secret' | 'public' | 'private'
}

/** How RSA pads. Source: raw-rsa-keyring.md, "Supported Padding Schemes" */
export type RsaPadding = 'pkcs1' | 'oaep-sha1' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512'

/**
 * What keys held in this process wrap with: raw keys and key files. Chosen together with the engine.
 * Importing answers at once, so that a wrong key is refused where it is configured.
 */
export interface Wrapping {
  /**
   * @param key 16, 24 or 32 bytes (copied), or a handle of such a secret key
   * @throws KeyfoldError `INVALID_ARGUMENT` for anything else
   */
  importAesKey(key: Uint8Array | KeyHandle): AesKey
  /**
   * @param key SubjectPublicKeyInfo in PEM, or a handle of a public key. A private key is refused: none is derived from it.
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  importRsaPublicKey(key: string | KeyHandle, padding: RsaPadding): RsaPublicKey
  /**
   * @param key PKCS#8 in PEM, or a handle of a private key
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  importRsaPrivateKey(key: string | KeyHandle, padding: RsaPadding): RsaPrivateKey
  /** 32 bytes from a passphrase. Source: RFC 7914 */
  scrypt(passphrase: string, parameters: ScryptParameters): MaybePromise<Uint8Array>
}

/** AES-GCM under one key, with a 12-byte iv and a 16-byte tag behind the ciphertext. */
export interface AesKey {
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): MaybePromise<Uint8Array>
  /** @throws KeyfoldError `AUTHENTICATION_FAILED` */
  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): MaybePromise<Uint8Array>
}

export interface RsaPublicKey {
  /** @throws KeyfoldError `INVALID_ARGUMENT` where the key is too small for the plaintext */
  encrypt(plaintext: Uint8Array): MaybePromise<Uint8Array>
}

export interface RsaPrivateKey {
  /**
   * @throws KeyfoldError `AUTHENTICATION_FAILED`. With `pkcs1` a refusal must never be told apart from a wrong key: the
   *   caller puts random bytes in its place.
   */
  decrypt(ciphertext: Uint8Array): MaybePromise<Uint8Array>
}

/** Source: RFC 7914, section 2 */
export interface ScryptParameters {
  readonly salt: Uint8Array
  /** CPU and memory cost, a power of two. */
  readonly N: number
  /** Block size; memory is 128 · N · r bytes. */
  readonly r: number
  /** Parallelization. */
  readonly p: number
}
