import type { SecretBytes } from '../secret-bytes.ts'
import type { Suite } from '../suite/table.ts'
import type { MaybePromise } from './maybe-promise.ts'

/**
 * The cryptography of one message, and nothing smaller: an engine on workers or in native code takes the place of
 * `crypto/node.ts` behind this contract, so it is as coarse as such an engine needs it to be.
 *
 * Every refusal of a tag, commitment or signature is a KeyfoldError `AUTHENTICATION_FAILED`.
 */
export interface Engine {
  supports(suite: Suite): boolean
  /** Bytes fit for keys; the caller owns them. */
  randomBytes(length: number): Uint8Array<ArrayBuffer>
  /**
   * Memory of the caller's own, who writes every byte of it: what stands there before is anybody's.
   *
   * @throws KeyfoldError `LIMIT_EXCEEDED` where there is not so much
   */
  allocate(length: number): Uint8Array<ArrayBuffer>
  /**
   * Derives what seals and opens one message. One extraction serves key and commitment.
   *
   * @param dataKey `suite.dataKeyLength` bytes; read during the call and not kept
   * @param messageId fresh for every message that is sealed
   */
  messageKey(suite: Suite, dataKey: SecretBytes, messageId: Uint8Array): MaybePromise<MessageKey>
  /** Makes a key pair to sign with: for one message, or for all that a cached data key seals. Only for a suite with a signature. */
  signingKey(suite: Suite): MaybePromise<SigningKey>
  /**
   * @param publicKey a compressed point
   * @throws KeyfoldError `MALFORMED_MESSAGE` where it is no point of the suite's curve
   */
  verifier(suite: Suite, publicKey: Uint8Array): MaybePromise<MessageVerifier>
  /**
   * Verifies a message that is there whole: `verifier` in one call.
   *
   * @throws KeyfoldError as `verifier` and `MessageVerifier.verify`
   */
  verifySignature(suite: Suite, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): MaybePromise<void>
}

/** The key of one message. Dispose of it once the message is done. */
export interface MessageKey extends Disposable {
  /** What a header of version 2 shows of the data key, 32 bytes. */
  readonly commitment?: Uint8Array | undefined
  /**
   * The header's tag, under an iv of zeros. Call it once in a message key's life: two headers under one key give away
   * the key that authenticates header and frames.
   */
  headerTag(aad: Uint8Array): MaybePromise<Uint8Array>
  verifyHeader(aad: Uint8Array, iv: Uint8Array, tag: Uint8Array): MaybePromise<void>
  /** Seals plaintext as frames. Returns pieces in the order of the wire: a copy of each frame would halve the speed. */
  sealFrames(run: FrameRun): MaybePromise<readonly Uint8Array[]>
  /** Opens frames. Returns the plaintext, in one piece or more for each frame, and none where a tag does not hold. */
  openFrames(run: FrameRun): MaybePromise<readonly Uint8Array[]>
}

/** Any number of consecutive frames of one message. */
export interface FrameRun {
  /**
   * To seal: plaintext, a whole number of frames unless `final`. To open: the frames as they stand in the message, whole.
   */
  readonly bytes: Uint8Array
  /** The header's. 0, for opening alone, is an unframed body. */
  readonly frameLength: number
  /** The first frame's number; a message starts at 1. */
  readonly firstSequenceNumber: number
  /** Whether the run ends with the message's final frame. */
  readonly final: boolean
}

/** A key pair that signs messages, one after another or side by side. */
export interface SigningKey {
  /** A compressed point. */
  readonly publicKey: Uint8Array
  /** Starts the signature of one message. */
  signer(): MessageSigner
  /** Signs a message that is there whole: `signer` in one call. */
  sign(message: Uint8Array): MaybePromise<Uint8Array>
}

/** Signs one message. */
export interface MessageSigner {
  /** Adds the next bytes of the message. */
  update(bytes: Uint8Array): MaybePromise<void>
  /** The signature over all of them, DER. */
  sign(): MaybePromise<Uint8Array>
}

/** Verifies one message's signature. */
export interface MessageVerifier {
  /** Adds the next bytes of the message. */
  update(bytes: Uint8Array): MaybePromise<void>
  /** @throws KeyfoldError `AUTHENTICATION_FAILED` where the signature, DER, is not over all of them */
  verify(signature: Uint8Array): MaybePromise<void>
}
