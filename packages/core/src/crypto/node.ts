import {
  createHmac,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  generateKeyPairSync,
  type KeyObject,
  type Sign,
  sign,
  type Verify,
  verify,
} from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import { type SecretBytes, wipe } from '../secret-bytes.ts'
import type { SignatureAlgorithm, Suite } from '../suite/table.ts'
import { concat } from '../wire/bytes.ts'
import { headerIv } from '../wire/header.ts'
import { type Derivation, derivationOf, type Expansion } from './derive.ts'
import type { Engine, FrameRun, MessageKey, MessageSigner, MessageVerifier, SigningKey } from './engine.ts'
import { openFrames, sealFrames } from './frames.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { gcm, type NodeAead } from './node-gcm.ts'
import { randomBytes } from './node-random.ts'

export { nodeWrapping as wrapping } from './node-wrapping.ts'

/*
 * At a kilobyte the calls into node:crypto are what a message costs, so their number and kind are chosen by measurement
 * (bench/): keys go in as KeyObjects, made once, because a key given as bytes costs two to four times the call; HKDF is
 * one HMAC for the extraction and one for each output (none is longer than a block), where `hkdfSync` would extract anew
 * for each; and a tag over nothing but associated data skips `update`.
 */

const empty = new Uint8Array(0)

/** How much of a message is hashed for its signature in one call: OpenSSL takes less than 2 GiB. */
const maxSignedBytes = 2 ** 30

/** The engine on `node:crypto`. */
export const engine: Engine = {
  supports: () => true,
  randomBytes,
  allocate,
  messageKey(suite, dataKey, messageId) {
    const derivation = derivationOf(suite, messageId)
    if (derivation === undefined) return new NodeMessageKey(suite, createSecretKey(dataKey.bytes), messageId, undefined)
    const extracted = extract(derivation, dataKey)
    const key = expand(derivation, extracted, derivation.key)
    const sealing = createSecretKey(key)
    wipe(key)
    const commitment = derivation.commitment && expandPublic(derivation, extracted, derivation.commitment)
    return new NodeMessageKey(suite, sealing, messageId, commitment)
  },
  signingKey: (suite) => signingKey(signatureOf(suite)),
  verifier: (suite, publicKey) => verifier(signatureOf(suite), publicKey),
  verifySignature: (suite, publicKey, message, signature) =>
    verifySignature(signatureOf(suite), publicKey, message, signature),
}

/** Not zeroed: at a megabyte that shows. */
function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  } catch (error) {
    throw new KeyfoldError('LIMIT_EXCEEDED', `${length} bytes: more than there is memory for in one array`, {
      cause: error,
    })
  }
}

/** HKDF-Extract: the salt is the HMAC's key. Source: RFC 5869, section 2.2 */
function extract(derivation: Derivation, dataKey: SecretBytes): KeyObject {
  const pseudorandomKey = createHmac(derivation.hash, createSecretKey(derivation.salt)).update(dataKey.bytes).digest()
  const key = createSecretKey(pseudorandomKey)
  wipe(pseudorandomKey)
  return key
}

/** HKDF-Expand for outputs of at most one block. Source: RFC 5869, section 2.3 */
function expand(derivation: Derivation, pseudorandomKey: KeyObject, { block, length }: Expansion): Uint8Array {
  return createHmac(derivation.hash, pseudorandomKey).update(block).digest().subarray(0, length)
}

/** The same for what is no secret, and may be text on its way: Node gives a digest so in three quarters of the time. */
function expandPublic(derivation: Derivation, pseudorandomKey: KeyObject, { block, length }: Expansion): Uint8Array {
  const text = createHmac(derivation.hash, pseudorandomKey).update(block).digest('binary')
  const output = new Uint8Array(length)
  for (let at = 0; at < length; at++) output[at] = text.charCodeAt(at)
  return output
}

class NodeMessageKey implements MessageKey {
  readonly commitment: Uint8Array | undefined
  readonly #aead: NodeAead
  readonly #messageId: Uint8Array

  constructor(suite: Suite, key: KeyObject, messageId: Uint8Array, commitment: Uint8Array | undefined) {
    this.commitment = commitment
    this.#aead = gcm(suite.cipher, key)
    this.#messageId = messageId
  }

  headerTag(aad: Uint8Array): Uint8Array {
    const [tag] = this.#aead.seal(headerIv, aad, empty) // of nothing there is no ciphertext
    return tag as Uint8Array
  }

  verifyHeader(aad: Uint8Array, iv: Uint8Array, tag: Uint8Array): void {
    this.#aead.open(iv, aad, empty, tag)
  }

  sealFrames(run: FrameRun): MaybePromise<readonly Uint8Array[]> {
    return sealFrames(this.#aead, this.#messageId, run)
  }

  openFrames(run: FrameRun): MaybePromise<readonly Uint8Array[]> {
    return openFrames(this.#aead, this.#messageId, run)
  }

  [Symbol.dispose](): void {
    // A KeyObject cannot be wiped; it goes with its last reference. SECURITY.md says so.
  }
}

function signatureOf(suite: Suite): SignatureAlgorithm {
  if (suite.signature === undefined) throw new KeyfoldError('INVALID_ARGUMENT', `suite ${suite.name} does not sign`)
  return suite.signature
}

function signingKey({ curve, hash }: SignatureAlgorithm): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve })
  return {
    publicKey: compressedPoint(publicKey),
    signer: () => signer(hash, privateKey),
    sign(message) {
      if (message.length <= maxSignedBytes) return sign(hash, message, privateKey)
      const signing = signer(hash, privateKey)
      signing.update(message)
      return signing.sign()
    },
  }
}

function signer(hash: SignatureAlgorithm['hash'], privateKey: KeyObject): MessageSigner {
  const signing = createSign(hash)
  return { update: (bytes) => updateInSteps(signing, bytes), sign: () => signing.sign(privateKey) }
}

/** A point as x and the parity of y. Source: SEC 1, section 2.3.3. As a JWK it is exported in a third of DER's time. */
function compressedPoint(publicKey: KeyObject): Uint8Array {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const parity = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1
  return concat([Uint8Array.of(2 + parity), Buffer.from(x, 'base64url')])
}

/** SubjectPublicKeyInfo up to the compressed point. Source: RFC 5480, section 2 */
const spkiPrefixes = {
  'P-256': Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
  'P-384': Buffer.from('3046301006072a8648ce3d020106052b81040022033200', 'hex'),
} as const

function verifier({ curve, hash, publicKeyLength }: SignatureAlgorithm, publicKey: Uint8Array): MessageVerifier {
  const key = importPoint(curve, publicKeyLength, publicKey)
  const verifying = createVerify(hash)
  return {
    update: (bytes) => updateInSteps(verifying, bytes),
    verify: (signature) => demandValid(verifying.verify(key, signature)),
  }
}

function verifySignature(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): void {
  const { curve, hash, publicKeyLength } = algorithm
  if (message.length <= maxSignedBytes) {
    demandValid(verify(hash, message, importPoint(curve, publicKeyLength, publicKey), signature))
    return
  }
  const verifying = verifier(algorithm, publicKey)
  verifying.update(message)
  verifying.verify(signature)
}

function demandValid(isValid: boolean): void {
  if (isValid) return
  throw new KeyfoldError('AUTHENTICATION_FAILED', "the signature does not hold: the message isn't its signer's")
}

function updateInSteps(signature: Sign | Verify, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += maxSignedBytes) signature.update(bytes.subarray(at, at + maxSignedBytes))
}

function importPoint(curve: SignatureAlgorithm['curve'], length: number, point: Uint8Array): KeyObject {
  const malformed = `the public key is no compressed point of ${curve}`
  if (point.length !== length) throw new KeyfoldError('MALFORMED_MESSAGE', malformed)
  try {
    // Given as text: of bytes Node first asks whether they are a key object, by an exception that costs a third more.
    const spki = Buffer.concat([spkiPrefixes[curve], point]).toString('base64')
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----`)
  } catch {
    throw new KeyfoldError('MALFORMED_MESSAGE', malformed)
  }
}
