import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { wrappingKey } from './fixtures.ts'
import { type Contender, demandSame } from './work.ts'

/*
 * The floor: the bare calls into node:crypto that the format needs for one message, in the same order and with inputs of
 * the same lengths, and nothing around them: no format, no checks, no promises. They are the fastest calls known: keys
 * as KeyObjects, and HKDF as one HMAC to extract and one for each output, which here takes three quarters of two
 * `hkdfSync` (pnpm --filter @keyfold/bench hkdf). With `deriveByHkdf` they are the calls by the names that the format
 * gives its steps, as most would write them.
 */

const cipher = 'aes-256-gcm'
const contextBytes = randomBytes(35)
const headerBody = randomBytes(218)
const frameAad = randomBytes(78)
const zeroIv = Buffer.alloc(12)
const keyInfo = Buffer.concat([Buffer.from([4, 0x78]), Buffer.from('DERIVEKEY')])
const commitmentInfo = Buffer.from('COMMITKEY')
const keyBlock = Buffer.concat([keyInfo, Buffer.from([1])])
const commitmentBlock = Buffer.concat([commitmentInfo, Buffer.from([1])])

interface Sealed {
  readonly ciphertext: Buffer
  readonly tag: Buffer
}

function seal(key: KeyObject, iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Sealed {
  const sealing = createCipheriv(cipher, key, iv)
  sealing.setAAD(aad)
  const ciphertext = sealing.update(plaintext)
  sealing.final()
  return { ciphertext, tag: sealing.getAuthTag() }
}

function sealNothing(key: KeyObject, iv: Uint8Array, aad: Uint8Array): Buffer {
  const sealing = createCipheriv(cipher, key, iv)
  sealing.setAAD(aad)
  sealing.final()
  return sealing.getAuthTag()
}

function open(key: KeyObject, iv: Uint8Array, aad: Uint8Array, { ciphertext, tag }: Sealed): Buffer {
  const opening = createDecipheriv(cipher, key, iv)
  opening.setAAD(aad)
  opening.setAuthTag(tag)
  const plaintext = opening.update(ciphertext)
  opening.final()
  return plaintext
}

function openNothing(key: KeyObject, iv: Uint8Array, aad: Uint8Array, tag: Uint8Array): void {
  const opening = createDecipheriv(cipher, key, iv)
  opening.setAAD(aad)
  opening.setAuthTag(tag)
  opening.final()
}

/** The message's key; the commitment is computed and dropped. */
export type Derive = (messageId: Uint8Array, dataKey: Uint8Array) => KeyObject

const deriveByHmac: Derive = (messageId, dataKey) => {
  const extracted = createSecretKey(createHmac('sha512', createSecretKey(messageId)).update(dataKey).digest())
  const key = createSecretKey(createHmac('sha512', extracted).update(keyBlock).digest().subarray(0, 32))
  createHmac('sha512', extracted).update(commitmentBlock).digest('binary') // as text: it is no secret, and made faster
  return key
}

/** By Node's own HKDF, which extracts anew for each output. */
export const deriveByHkdf: Derive = (messageId, dataKey) => {
  const source = createSecretKey(dataKey)
  const key = createSecretKey(Buffer.from(hkdfSync('sha512', source, messageId, keyInfo, 32)))
  hkdfSync('sha512', source, messageId, commitmentInfo, 32)
  return key
}

export function floorEncrypt(plaintext: Uint8Array, derive: Derive = deriveByHmac): Contender {
  return sealing(plaintext, () => {
    const dataKey = randomBytes(32)
    seal(wrappingKey, randomBytes(12), contextBytes, dataKey)
    return sealUnder(dataKey, plaintext, derive)
  })
}

/** With a data key that is there already. */
export function floorCachedEncrypt(plaintext: Uint8Array, derive: Derive = deriveByHmac): Contender {
  const dataKey = randomBytes(32)
  return sealing(plaintext, () => sealUnder(dataKey, plaintext, derive))
}

function sealUnder(dataKey: Uint8Array, plaintext: Uint8Array, derive: Derive): Sealed {
  const key = derive(randomBytes(32), dataKey)
  sealNothing(key, zeroIv, headerBody)
  return seal(key, zeroIv, frameAad, plaintext)
}

function sealing(plaintext: Uint8Array, run: () => Sealed): Contender {
  return {
    run,
    check(sealed) {
      if ((sealed as Sealed).ciphertext.length !== plaintext.length) throw new Error('the floor sealed something else')
    },
  }
}

export function floorDecrypt(plaintext: Uint8Array, derive: Derive = deriveByHmac): Contender {
  const dataKey = randomBytes(32)
  const messageId = randomBytes(32)
  const iv = randomBytes(12)
  const wrapped = seal(wrappingKey, iv, contextBytes, dataKey)
  const key = derive(messageId, dataKey)
  const headerTag = sealNothing(key, zeroIv, headerBody)
  const frame = seal(key, iv, frameAad, plaintext)
  return {
    run() {
      const messageKey = derive(messageId, open(wrappingKey, iv, contextBytes, wrapped))
      openNothing(messageKey, zeroIv, headerBody, headerTag)
      return open(messageKey, iv, frameAad, frame)
    },
    check: (opened) => demandSame(opened, plaintext),
  }
}

/** Bare AES-GCM over chunks of the frame's length, one cipher a chunk; what comes out is dropped. */
export function floorChunks(
  plaintext: Uint8Array,
  chunkLength: number,
): { readonly seal: Contender; readonly open: Contender } {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < plaintext.length; at += chunkLength) chunks.push(plaintext.subarray(at, at + chunkLength))
  const sealed = chunks.map((chunk) => seal(wrappingKey, zeroIv, frameAad, chunk))
  return {
    seal: {
      run: () => {
        for (const chunk of chunks) seal(wrappingKey, zeroIv, frameAad, chunk)
        return chunks.length
      },
      check: (count) => demandCount(count, plaintext, chunkLength),
    },
    open: {
      run: () => {
        for (const chunk of sealed) open(wrappingKey, zeroIv, frameAad, chunk)
        return sealed.length
      },
      check: (count) => demandCount(count, plaintext, chunkLength),
    },
  }
}

function demandCount(count: unknown, plaintext: Uint8Array, chunkLength: number): void {
  if (count !== Math.ceil(plaintext.length / chunkLength)) throw new Error('the floor took another number of chunks')
}

/**
 * Bare P-384 over bytes as long as the message: a key pair and a signature; a key's import and its verification. The key
 * is imported as the format holds it, a compressed point.
 */
export function floorSign(message: Uint8Array): { readonly sign: Contender; readonly verify: Contender } {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const pem = compressedPem(pair.publicKey)
  const signature = sign('sha384', message, pair.privateKey)
  return {
    sign: {
      run: () => sign('sha384', message, generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
      check: (made) => {
        if (!(made instanceof Uint8Array) || made.length < 96) throw new Error('the floor made no signature')
      },
    },
    verify: {
      run: () => verify('sha384', message, createPublicKey(pem), signature),
      check: (holds) => {
        if (holds !== true) throw new Error("the floor's signature does not hold")
      },
    },
  }
}

/** All bare calls that a signed message needs: those of P-384, and those of a message without a signature. */
export function bareSigned(message: Uint8Array): { readonly encrypt: Contender; readonly decrypt: Contender } {
  const { sign, verify } = floorSign(message)
  return {
    encrypt: both(sign, floorEncrypt(message)),
    decrypt: both(floorDecrypt(message), verify),
  }
}

function both(first: Contender, second: Contender): Contender {
  return {
    run: () => [first.run(), second.run()],
    async check(results) {
      const [one, other] = results as readonly [unknown, unknown] // run's own
      await first.check(one)
      await second.check(other)
    },
  }
}

/** SubjectPublicKeyInfo with x and the parity of y in place of both; as text, which Node imports the fastest. */
function compressedPem(publicKey: KeyObject): string {
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-96)
  const parity = (point[95] ?? 0) & 1
  const prefix = Buffer.from('3046301006072a8648ce3d020106052b81040022033200', 'hex')
  const spki = Buffer.concat([prefix, Buffer.from([2 + parity]), point.subarray(0, 48)])
  return `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----`
}
