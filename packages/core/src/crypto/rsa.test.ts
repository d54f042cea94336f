import { constants, createHash, generateKeyPairSync, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { wrapping } from '#engine'
import { canary, canaryIn } from '../keys/doubles.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import type { KeyHandle, RsaPadding } from './wrapping.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { RSA_NO_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING } = constants
const oaep = [
  ['oaep-sha1', 'sha1'],
  ['oaep-sha256', 'sha256'],
  ['oaep-sha384', 'sha384'],
  ['oaep-sha512', 'sha512'],
] as const
const paddings: readonly RsaPadding[] = ['pkcs1', ...oaep.map(([padding]) => padding)]

const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** Source: RFC 8017, appendix B.2.1 */
function mgf1(seed: Uint8Array, length: number, hash: string): Buffer {
  const counters = Array.from({ length: Math.ceil(length / 20) }, (_, counter) => Buffer.of(0, 0, 0, counter))
  const blocks = counters.map((counter) =>
    createHash(hash)
      .update(Buffer.concat([seed, counter]))
      .digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

const xor = (a: Uint8Array, b: Uint8Array): Buffer => Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)))

/** Takes OAEP off by hand, with one hash for everything. Source: RFC 8017, section 7.1.2 */
function decodeOaep(encoded: Buffer, hash: string): Buffer {
  const emptyHash = createHash(hash).digest()
  const size = emptyHash.length
  const masked = encoded.subarray(1 + size)
  const seed = xor(encoded.subarray(1, 1 + size), mgf1(masked, size, hash))
  const block = xor(masked, mgf1(seed, masked.length, hash))
  expect(encoded[0]).toBe(0)
  expect(block.subarray(0, size)).toEqual(emptyHash)
  const start = block.indexOf(1, size)
  expect(block.subarray(size, start).every((byte) => byte === 0)).toBe(true)
  return block.subarray(start + 1)
}

describe('RSA wrapping', () => {
  // spec: framework/raw-rsa-keyring.md#padding-scheme/2
  test.each(oaep)('with %s uses one hash for the label and for MGF1', async (padding, hash) => {
    const sealed = await wrapping.importRsaPublicKey(publicKey, padding).encrypt(pattern(32))
    const encoded = privateDecrypt({ key: privateKey, padding: RSA_NO_PADDING }, sealed)
    expect(decodeOaep(encoded, hash)).toEqual(Buffer.from(pattern(32)))
  })

  test('with pkcs1 pads as block type 2', async () => {
    const sealed = await wrapping.importRsaPublicKey(publicKey, 'pkcs1').encrypt(pattern(32, 1))
    const encoded = privateDecrypt({ key: privateKey, padding: RSA_NO_PADDING }, sealed)
    expect(encoded.subarray(0, 2)).toEqual(Buffer.of(0, 2))
    expect(encoded.indexOf(0, 2)).toBe(256 - 32 - 1)
    expect(encoded.subarray(-32)).toEqual(Buffer.from(pattern(32, 1)))
  })

  test.each(paddings)('opens what node:crypto sealed with %s', async (padding) => {
    const how =
      padding === 'pkcs1'
        ? { padding: RSA_PKCS1_PADDING }
        : { padding: RSA_PKCS1_OAEP_PADDING, oaepHash: padding.slice(5) }
    const sealed = publicEncrypt({ key: publicKey, ...how }, pattern(32))
    const opened = await wrapping.importRsaPrivateKey(privateKey, padding).decrypt(sealed)
    expect(Buffer.from(opened)).toEqual(Buffer.from(pattern(32)))
  })

  test.each(oaep)('with %s refuses what was altered, cut or sealed with another padding', async (padding, hash) => {
    const opener = wrapping.importRsaPrivateKey(privateKey, padding)
    const sealed = Buffer.from(await wrapping.importRsaPublicKey(publicKey, padding).encrypt(canary()))
    const altered = Buffer.from(sealed)
    altered[100] = (altered[100] ?? 0) ^ 1
    const other = publicEncrypt({ key: publicKey, oaepHash: hash === 'sha1' ? 'sha256' : 'sha1' }, canary())
    const pkcs1 = publicEncrypt({ key: publicKey, padding: RSA_PKCS1_PADDING }, canary())
    const bad = [
      altered,
      sealed.subarray(1),
      sealed.subarray(0, 255),
      Buffer.alloc(0),
      Buffer.alloc(256, 0xff),
      other,
      pkcs1,
    ]
    for (const ciphertext of bad) {
      const error = await refusal(() => opener.decrypt(ciphertext))
      expect(error.code).toBe('AUTHENTICATION_FAILED')
      expect(canaryIn(error)).toEqual([])
    }
  })

  test('refuses to seal more than the key has room for', async () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
    const error = await refusal(() => wrapping.importRsaPublicKey(small, 'oaep-sha512').encrypt(canary()))
    expect(error.code).toBe('INVALID_ARGUMENT')
    expect(canaryIn(error)).toEqual([])
  })
})

describe('an RSA key', () => {
  const works = async (open: string | KeyHandle, seal: string | KeyHandle): Promise<boolean> => {
    const sealed = await wrapping.importRsaPublicKey(seal, 'oaep-sha256').encrypt(pattern(32))
    const opened = await wrapping.importRsaPrivateKey(open, 'oaep-sha256').decrypt(sealed)
    return Buffer.from(opened).equals(Buffer.from(pattern(32)))
  }

  // spec: framework/raw-rsa-keyring.md#public-key/2
  // spec: framework/raw-rsa-keyring.md#private-key/2
  test('may be PEM: SubjectPublicKeyInfo and PKCS #8', async () => {
    expect(publicPem).toMatch(/^-----BEGIN PUBLIC KEY-----/)
    expect(privatePem).toMatch(/^-----BEGIN PRIVATE KEY-----/)
    expect(await works(privatePem, publicPem)).toBe(true)
  })

  test('may be a KeyObject or a CryptoKey', async () => {
    const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' }
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    const cryptoPublic = await crypto.subtle.importKey('spki', new Uint8Array(spki), algorithm, true, ['encrypt'])
    const cryptoPrivate = await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, false, ['decrypt'])
    expect(await works(privateKey, publicKey)).toBe(true)
    expect(await works(cryptoPrivate, cryptoPublic)).toBe(true)
  })

  test('is no CryptoKey that is for something else', async () => {
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
    const importAs = (name: string, hash: string, usage: 'encrypt' | 'wrapKey' | 'verify') =>
      crypto.subtle.importKey('spki', spki, { name, hash }, true, [usage])
    const sha1 = await importAs('RSA-OAEP', 'SHA-1', 'encrypt')
    expect(wrapping.importRsaPublicKey(sha1, 'oaep-sha1')).toBeDefined()
    for (const padding of paddings.filter((one) => one !== 'oaep-sha1')) {
      expect(await codeOf(() => wrapping.importRsaPublicKey(sha1, padding))).toBe('INVALID_ARGUMENT')
    }
    for (const key of [await importAs('RSA-OAEP', 'SHA-1', 'wrapKey'), await importAs('RSA-PSS', 'SHA-1', 'verify')]) {
      expect(await codeOf(() => wrapping.importRsaPublicKey(key, 'oaep-sha1'))).toBe('INVALID_ARGUMENT')
    }
  })

  test('is no private CryptoKey that is for something else', async () => {
    const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
    const importAs = (name: string, hash: string, usage: 'decrypt' | 'unwrapKey' | 'sign') =>
      crypto.subtle.importKey('pkcs8', pkcs8, { name, hash }, false, [usage])
    const sha1 = await importAs('RSA-OAEP', 'SHA-1', 'decrypt')
    expect(wrapping.importRsaPrivateKey(sha1, 'oaep-sha1')).toBeDefined()
    for (const padding of paddings.filter((one) => one !== 'oaep-sha1')) {
      expect(await codeOf(() => wrapping.importRsaPrivateKey(sha1, padding))).toBe('INVALID_ARGUMENT')
    }
    const unwraps = await importAs('RSA-OAEP', 'SHA-1', 'unwrapKey')
    const signs = await importAs('RSA-PSS', 'SHA-1', 'sign')
    for (const [key, message] of [
      [unwraps, 'expected a CryptoKey to decrypt with, got one for unwrapKey'],
      [signs, 'expected a CryptoKey for RSA-OAEP, got one for RSA-PSS'],
    ] as const) {
      const error = await refusal(() => wrapping.importRsaPrivateKey(key, 'oaep-sha1'))
      expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', `an RSA key: ${message}`])
    }
  })

  test('is told what a CryptoKey is for, even where that is nothing', async () => {
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
    const messageFor = async (...usages: 'wrapKey'[]) => {
      const key = await crypto.subtle.importKey('spki', spki, { name: 'RSA-OAEP', hash: 'SHA-1' }, true, usages)
      return (await refusal(() => wrapping.importRsaPublicKey(key, 'oaep-sha1'))).message
    }
    const expected = 'an RSA key: expected a CryptoKey to encrypt with, got one for'
    expect(await messageFor('wrapKey')).toBe(`${expected} wrapKey`)
    expect(await messageFor()).toBe(`${expected} nothing`)
  })

  // spec: framework/raw-rsa-keyring.md#onencrypt/2
  test('is never derived from its other half', async () => {
    const halves: readonly [string | KeyHandle, string | KeyHandle][] = [
      [privatePem, publicPem],
      [privateKey, publicKey],
      [
        privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
        publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      ],
    ]
    for (const [opens, seals] of halves) {
      expect(await codeOf(() => wrapping.importRsaPublicKey(opens, 'oaep-sha256'))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => wrapping.importRsaPrivateKey(seals, 'oaep-sha256'))).toBe('INVALID_ARGUMENT')
    }
  })

  // spec: framework/raw-rsa-keyring.md#public-key/1
  // spec: framework/raw-rsa-keyring.md#private-key/1
  test('is RSA, and no other kind', async () => {
    const pem = (key: KeyObject, type: 'spki' | 'pkcs8') => key.export({ type, format: 'pem' } as never).toString()
    const pairs = [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('x25519'),
    ]
    for (const pair of pairs) {
      for (const key of [pair.publicKey, pem(pair.publicKey, 'spki')]) {
        expect(await codeOf(() => wrapping.importRsaPublicKey(key, 'pkcs1'))).toBe('INVALID_ARGUMENT')
      }
      for (const key of [pair.privateKey, pem(pair.privateKey, 'pkcs8')]) {
        expect(await codeOf(() => wrapping.importRsaPrivateKey(key, 'pkcs1'))).toBe('INVALID_ARGUMENT')
      }
    }
  })

  test('is refused where it cannot be read, without a word of it', async () => {
    const secret = privatePem.split('\n')[3] ?? ''
    expect(secret.length).toBe(64)
    const cut = privatePem.replace(secret, secret.slice(1))
    const encrypted = privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString()
    for (const pem of [cut, encrypted, '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----']) {
      const error = await refusal(() => wrapping.importRsaPrivateKey(pem, 'pkcs1'))
      expect(error.code).toBe('INVALID_ARGUMENT')
      expect(JSON.stringify([error.message, error.stack, String(error.cause)])).not.toContain(secret.slice(1, 30))
    }
    for (const pem of ['', 'not PEM', publicPem.slice(0, 100)]) {
      expect(await codeOf(() => wrapping.importRsaPublicKey(pem, 'pkcs1'))).toBe('INVALID_ARGUMENT')
    }
    for (const key of [Buffer.from(publicPem), { type: 'public' }, null, 7]) {
      // What plain JavaScript may pass.
      expect(await codeOf(() => wrapping.importRsaPublicKey(key as never, 'pkcs1'))).toBe('INVALID_ARGUMENT')
    }
  })
})
