import {
  constants,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import type { KeyMaterial } from './key-material.ts'
import { badParameter, incorrect } from './service-error.ts'

/** What goes into an operation, decoded. */
export interface Parameters {
  readonly alg: string
  readonly value: Buffer
  readonly iv?: Buffer
  readonly tag?: Buffer
  readonly aad?: Buffer
}

/** What comes out of it. */
export interface Sealed {
  readonly value: Buffer
  readonly iv?: Buffer
  readonly tag?: Buffer
  readonly aad?: Buffer
}

/** Wraps or encrypts: the service does the same for both. */
export function sealWith(material: KeyMaterial, { alg, value, aad }: Parameters): Sealed {
  const padding = rsaPaddings[alg]
  if (padding !== undefined) return { value: refusing(() => publicEncrypt(rsaKey(padding, material.publicKey), value)) }
  if (alg === 'A256KW') return { value: refusing(() => keyWrap(aesKey(material), value)) }
  if (alg !== 'A256GCM') throw unsupported(alg)
  // The service takes no iv for GCM: it draws one.
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', aesKey(material), iv)
  if (aad !== undefined) cipher.setAAD(padded(aad))
  const sealed = Buffer.concat([cipher.update(value), cipher.final()])
  return { value: sealed, iv, tag: cipher.getAuthTag(), ...(aad === undefined ? {} : { aad }) }
}

/** Unwraps or decrypts. Whatever does not open is one refusal. */
export function openWith(material: KeyMaterial, { alg, value, iv, tag, aad }: Parameters): Buffer {
  const padding = rsaPaddings[alg]
  if (padding === pkcs1) return refusing(() => pkcs1Decrypt(material, value))
  if (padding !== undefined) return refusing(() => privateDecrypt(rsaKey(padding, material.privateKey), value))
  if (alg === 'A256KW') return refusing(() => keyUnwrap(aesKey(material), value))
  if (alg !== 'A256GCM') throw unsupported(alg)
  if (iv?.length !== 12 || tag?.length !== 16) throw incorrect()
  const decipher = createDecipheriv('aes-256-gcm', aesKey(material), iv).setAuthTag(tag)
  if (aad !== undefined) decipher.setAAD(padded(aad))
  return refusing(() => Buffer.concat([decipher.update(value), decipher.final()]))
}

interface RsaPadding {
  readonly padding: number
  readonly oaepHash?: string
}

const pkcs1: RsaPadding = { padding: constants.RSA_PKCS1_PADDING }

const rsaPaddings: Readonly<Record<string, RsaPadding>> = {
  'RSA-OAEP-256': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
  'RSA-OAEP': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
  RSA1_5: pkcs1,
}

/** By hand, since OpenSSL answers random bytes for a wrong key, where the service refuses. Source: RFC 8017, section 7.2.2 */
function pkcs1Decrypt({ privateKey }: KeyMaterial, value: Buffer): Buffer {
  const block = privateDecrypt(rsaKey({ padding: constants.RSA_NO_PADDING }, privateKey), value)
  const end = block.indexOf(0, 2)
  if (block[0] !== 0 || block[1] !== 2 || end < 10) throw incorrect()
  return block.subarray(end + 1)
}

function rsaKey(padding: RsaPadding, key: KeyObject | undefined): RsaPadding & { readonly key: KeyObject } {
  if (key?.asymmetricKeyType !== 'rsa') throw unsupported('RSA')
  return { ...padding, key }
}

function aesKey({ secret }: KeyMaterial): Buffer {
  if (secret?.length !== 32) throw unsupported('A256')
  return secret
}

/** Source: RFC 3394 */
function keyWrap(key: Buffer, value: Buffer): Buffer {
  const cipher = createCipheriv('aes256-wrap', key, keyWrapIv)
  return Buffer.concat([cipher.update(value), cipher.final()])
}

function keyUnwrap(key: Buffer, value: Buffer): Buffer {
  const decipher = createDecipheriv('aes256-wrap', key, keyWrapIv)
  return Buffer.concat([decipher.update(value), decipher.final()])
}

const keyWrapIv = Buffer.alloc(8, 0xa6)

/** A managed HSM authenticates additional data as if zero bytes filled it up to a multiple of 8. */
function padded(aad: Buffer): Buffer {
  return Buffer.concat([aad, Buffer.alloc((8 - (aad.length % 8)) % 8)])
}

function refusing(operation: () => Buffer): Buffer {
  try {
    return operation()
  } catch {
    throw incorrect()
  }
}

function unsupported(alg: string): Error {
  return badParameter(`Algorithm ${alg} does not fit the key`)
}
