import { createCipheriv, createDecipheriv, createHmac, createSecretKey, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { wrapping } from '#engine'
import { canary, canaryIn } from '../keys/doubles.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import * as web from './web.ts'

const iv = pattern(12, 1)
const aad = pattern(20, 2)
const sizes = [16, 24, 32] as const

describe('an AES key', () => {
  test.each(sizes)('of %i bytes seals as node:crypto does, with the tag behind the ciphertext', async (size) => {
    const aes = wrapping.importAesKey(pattern(size))
    for (const length of [0, 1, 16, 32, 200_000]) {
      const cipher = createCipheriv(`aes-${(8 * size) as 256}-gcm`, pattern(size), iv).setAAD(aad)
      const expected = Buffer.concat([cipher.update(pattern(length, 5)), cipher.final(), cipher.getAuthTag()])
      const sealed = await aes.seal(iv, aad, pattern(length, 5))
      expect(Buffer.from(sealed)).toEqual(expected)
      expect(Buffer.from(await aes.open(iv, aad, sealed))).toEqual(Buffer.from(pattern(length, 5)))
    }
  })

  test('opens what node:crypto sealed, and nothing that was altered, cut or is bound to something else', async () => {
    const aes = wrapping.importAesKey(pattern(32))
    const sealed = Buffer.from(await aes.seal(iv, aad, pattern(32, 5)))
    const decipher = createDecipheriv('aes-256-gcm', pattern(32), iv).setAAD(aad).setAuthTag(sealed.subarray(32))
    expect(Buffer.concat([decipher.update(sealed.subarray(0, 32)), decipher.final()])).toEqual(
      Buffer.from(pattern(32, 5)),
    )
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed)
      altered[at] = (altered[at] ?? 0) ^ 4
      expect(await codeOf(async () => aes.open(iv, aad, altered))).toBe('AUTHENTICATION_FAILED')
      expect(await codeOf(async () => aes.open(iv, aad, sealed.subarray(0, at)))).toBe('AUTHENTICATION_FAILED')
    }
    expect(await codeOf(async () => aes.open(pattern(12, 9), aad, sealed))).toBe('AUTHENTICATION_FAILED')
    expect(await codeOf(async () => aes.open(iv, pattern(20, 9), sealed))).toBe('AUTHENTICATION_FAILED')
    const other = wrapping.importAesKey(pattern(32, 1))
    expect(await codeOf(async () => other.open(iv, aad, sealed))).toBe('AUTHENTICATION_FAILED')
  })

  test('is a copy of the bytes, or a KeyObject or CryptoKey of the same', async () => {
    const bytes = pattern(32)
    const cryptoKey = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
    const keys = [bytes, createSecretKey(bytes), cryptoKey].map((key) => wrapping.importAesKey(key))
    bytes.fill(0)
    const sealed = await Promise.all(keys.map((key) => key.seal(iv, aad, pattern(32, 5))))
    const expected = await wrapping.importAesKey(pattern(32)).seal(iv, aad, pattern(32, 5))
    for (const bytes of sealed) expect(Buffer.from(bytes)).toEqual(Buffer.from(expected))
  })

  test('is no CryptoKey that may do but one of both', async () => {
    for (const usage of ['encrypt', 'decrypt'] as const) {
      const key = await crypto.subtle.importKey('raw', pattern(32), 'AES-GCM', false, [usage])
      const error = await refusal(() => wrapping.importAesKey(key))
      expect([error.code, error.message]).toEqual([
        'INVALID_ARGUMENT',
        `an AES key: expected a CryptoKey to encrypt and decrypt with, got one for ${usage}`,
      ])
    }
  })

  test('has 16, 24 or 32 bytes', async () => {
    for (const size of [0, 1, 15, 17, 23, 25, 31, 33, 64]) {
      const error = await refusal(() => wrapping.importAesKey(pattern(size)))
      expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining(`${size} bytes`)])
      if (size > 0)
        expect(await codeOf(() => wrapping.importAesKey(createSecretKey(pattern(size))))).toBe('INVALID_ARGUMENT')
    }
  })

  test('is no other kind of key, and no text', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const pretender = { type: 'secret' } as const
    for (const key of [publicKey, privateKey, pretender]) {
      expect(await codeOf(() => wrapping.importAesKey(key))).toBe('INVALID_ARGUMENT')
    }
    for (const key of ['0'.repeat(32), undefined, null, 32, [1, 2], new ArrayBuffer(32)]) {
      // What plain JavaScript may pass.
      expect(await codeOf(() => wrapping.importAesKey(key as never))).toBe('INVALID_ARGUMENT')
    }
  })

  test('is nowhere in what it shows or refuses with', async () => {
    const aes = wrapping.importAesKey(canary())
    expect(canaryIn(aes)).toEqual([])
    const sealed = await aes.seal(iv, aad, canary())
    expect(canaryIn(await refusal(() => aes.open(iv, aad, sealed.subarray(1))))).toEqual([])
    expect(canaryIn(await refusal(() => wrapping.importAesKey(canary(31))))).toEqual([])
    expect(inspect(aes)).not.toContain('KeyObject')
  })
})

describe('scrypt', () => {
  // Source: RFC 7914, section 12; the first 32 of 64 bytes, which do not depend on the length asked for.
  test.each([
    ['', '', 16, 1, 1, '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442'],
    ['password', 'NaCl', 1024, 8, 16, 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162'],
    [
      'pleaseletmein',
      'SodiumChloride',
      16384,
      8,
      1,
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2',
    ],
  ])('of %j and %j is as its standard says', async (passphrase, salt, N, r, p, expected) => {
    const key = await wrapping.scrypt(passphrase, { salt: Buffer.from(salt), N, r, p })
    expect(Buffer.from(key).toString('hex')).toBe(expected)
  })

  test('with parameters that cannot be is INVALID_ARGUMENT', async () => {
    const salt = Buffer.from('NaCl')
    for (const [N, r, p] of [
      [3, 8, 1],
      [1, 8, 1],
      [0, 8, 1],
      [16, 0, 1],
      [16, 1, 0],
      [-2, 1, 1],
      [1.5, 1, 1],
      [Number.NaN, 1, 1],
      [2 ** 31, 2 ** 20, 2 ** 20],
    ] as const) {
      const code = await codeOf(() => wrapping.scrypt('passphrase', { salt, N, r, p }))
      expect(code, `N ${N}, r ${r}, p ${p}`).toBe('INVALID_ARGUMENT')
    }
  })
})

describe('a browser', () => {
  test('has neither engine nor wrapping yet, and says so by name', async () => {
    const calls = { ...web.engine, ...web.wrapping, supports: undefined }
    for (const [name, call] of Object.entries(calls)) {
      if (call === undefined) continue
      const error = await refusal(call as () => unknown) // each throws before it looks at an argument
      expect(error.code).toBe('UNSUPPORTED')
      expect(error.message).toContain(name)
    }
    expect(web.engine.supports({} as never)).toBe(false)
  })
})

test('the canary is found wherever it shows', () => {
  const key = canary()
  const shown = [
    key,
    Buffer.from(key),
    Buffer.from(key).toString('hex'),
    Buffer.from(key).toString('base64'),
    { deep: { key } },
  ]
  for (const cause of shown) expect(canaryIn(new Error('leak', { cause }))).not.toEqual([])
  expect(canaryIn(new Error(new TextDecoder().decode(key)))).not.toEqual([])
  expect(canaryIn(Object.assign(new Error('leak'), { list: [...key] }))).not.toEqual([])
  expect(canaryIn(new Error('none', { cause: createHmac('sha256', key) }))).toEqual([])
})
