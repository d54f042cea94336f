import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { canary, canaryIn } from '../keys/doubles.test-support.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { createEnvelope } from '../message/envelope.ts'
import { u32 } from '../message/reference-format.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { rawAes } from './raw-aes.ts'

const sizes = [16, 24, 32] as const
const namespace = 'näme space'
const name = 'k€y 1'
const nameBytes = Buffer.from(name)
const contextBytes = Buffer.from('the context, serialized')
const context = {}
const options = { signal: new AbortController().signal }

const providerOf = (key: Uint8Array, more = {}) => rawAes({ namespace, name, key, ...more })

const wrap = async (provider: KeyProvider, dataKey: Uint8Array) => {
  const request = { dataKey: SecretBytes.from(dataKey.slice()), context, contextBytes }
  return (await provider.wrapDataKey?.(request, options)) as EncryptedDataKey // a raw AES key wraps
}

const unwrap = async (provider: KeyProvider, entry: EncryptedDataKey, bytes: Uint8Array = contextBytes) => {
  const dataKey = await provider.unwrapDataKey?.({ entry, length: 32, context, contextBytes: bytes }, options)
  return Buffer.from(dataKey?.bytes ?? [])
}

/** What the format's raw AES keyring makes, by node:crypto alone. */
function referenceEntry(key: Uint8Array, dataKey: Uint8Array, iv: Uint8Array = randomBytes(12)): EncryptedDataKey {
  const cipher = createCipheriv(`aes-${(8 * key.length) as 256}-gcm`, key, iv).setAAD(contextBytes)
  const ciphertext = Buffer.concat([cipher.update(dataKey), cipher.final(), cipher.getAuthTag()])
  return { providerId: namespace, providerInfo: Buffer.concat([nameBytes, u32(128), u32(12), iv]), ciphertext }
}

function altered(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

describe('a raw AES entry', () => {
  // spec: framework/raw-aes-keyring.md#authentication-tag-length/1
  // spec: framework/raw-aes-keyring.md#iv-length/1
  // spec: framework/raw-aes-keyring.md#wrapping-algorithm/1
  // spec: framework/raw-aes-keyring.md#onencrypt/3
  // spec: framework/raw-aes-keyring.md#onencrypt/6
  // spec: framework/raw-aes-keyring.md#onencrypt/7
  // spec: framework/raw-aes-keyring.md#onencrypt/9
  // spec: framework/raw-aes-keyring.md#onencrypt/10
  // spec: framework/keyring-interface.md#onencrypt/5
  test.each(sizes)(
    'under %i bytes is name, lengths and iv, and the data key under AES-GCM with its tag',
    async (size) => {
      const entry = await wrap(providerOf(pattern(size)), pattern(32, 5))
      expect(entry.providerId).toBe(namespace)
      const info = Buffer.from(entry.providerInfo)
      expect(info.subarray(0, nameBytes.length)).toEqual(nameBytes)
      expect(info.readUInt32BE(nameBytes.length)).toBe(128)
      expect(info.readUInt32BE(nameBytes.length + 4)).toBe(12)
      expect(info.length).toBe(nameBytes.length + 8 + 12)
      expect(entry.ciphertext.length).toBe(32 + 16)
      const iv = info.subarray(-12)
      const decipher = createDecipheriv(`aes-${(8 * size) as 256}-gcm`, pattern(size), iv, { authTagLength: 16 })
      decipher.setAAD(contextBytes).setAuthTag(entry.ciphertext.subarray(32))
      const opened = Buffer.concat([decipher.update(entry.ciphertext.subarray(0, 32)), decipher.final()])
      expect(opened).toEqual(Buffer.from(pattern(32, 5)))
    },
  )

  // spec: framework/raw-aes-keyring.md#onencrypt/8
  test('has another iv every time', async () => {
    const provider = providerOf(pattern(32))
    const ivs = new Set<string>()
    for (let round = 0; round < 200; round++) {
      const { providerInfo } = await wrap(provider, pattern(32, 5))
      ivs.add(Buffer.from(providerInfo.subarray(-12)).toString('hex'))
    }
    expect(ivs.size).toBe(200)
    for (let at = 0; at < 12; at++) {
      const bytes = new Set([...ivs].map((iv) => iv.slice(2 * at, 2 * at + 2)))
      expect(bytes.size, `byte ${at}`).toBeGreaterThan(50)
    }
  })

  // spec: framework/structures.md#ciphertext/1
  // spec: framework/raw-aes-keyring.md#ondecrypt/6
  // spec: framework/raw-aes-keyring.md#ondecrypt/12
  // spec: framework/raw-aes-keyring.md#ondecrypt/13
  // spec: framework/raw-aes-keyring.md#ondecrypt/14
  // spec: framework/raw-aes-keyring.md#ondecrypt/15
  // spec: framework/raw-aes-keyring.md#ondecrypt/16
  test.each(sizes)('of another implementation is opened, again and again, with %i bytes', async (size) => {
    const provider = providerOf(pattern(size))
    for (const length of [16, 24, 32]) {
      const entry = referenceEntry(pattern(size), pattern(length, 5))
      expect(provider.accepts(entry)).toBe(true)
      for (let round = 0; round < 2; round++)
        expect(await unwrap(provider, entry)).toEqual(Buffer.from(pattern(length, 5)))
    }
  })

  // spec: framework/keyring-interface.md#security-considerations/1
  // spec: framework/raw-aes-keyring.md#ondecrypt/7
  test('is refused with any byte of ciphertext, tag or iv altered, or any cut', async () => {
    const provider = providerOf(pattern(32))
    const entry = referenceEntry(pattern(32), canary())
    const { providerInfo, ciphertext } = entry
    const bad: EncryptedDataKey[] = []
    for (let at = 0; at < ciphertext.length; at++) {
      bad.push({ ...entry, ciphertext: altered(ciphertext, at) }, { ...entry, ciphertext: ciphertext.subarray(0, at) })
    }
    for (let at = providerInfo.length - 12; at < providerInfo.length; at++) {
      bad.push({ ...entry, providerInfo: altered(providerInfo, at) })
    }
    bad.push({ ...entry, ciphertext: Buffer.concat([ciphertext, Buffer.of(0)]) })
    for (const tampered of bad) {
      expect(provider.accepts(tampered)).toBe(true)
      const error = await refusal(() => unwrap(provider, tampered))
      expect(error.code).toBe('AUTHENTICATION_FAILED')
      expect(canaryIn(error)).toEqual([])
    }
  })

  // spec: framework/keyring-interface.md#security-considerations/2
  // spec: framework/raw-aes-keyring.md#ondecrypt/16
  test('is refused under another context or another key', async () => {
    const entry = referenceEntry(pattern(32), pattern(32, 5))
    for (const other of [Buffer.alloc(0), altered(contextBytes, 0), contextBytes.subarray(1)]) {
      expect(await codeOf(() => unwrap(providerOf(pattern(32)), entry, other))).toBe('AUTHENTICATION_FAILED')
    }
    expect(await codeOf(() => unwrap(providerOf(pattern(32, 1)), entry))).toBe('AUTHENTICATION_FAILED')
    expect(await codeOf(() => unwrap(providerOf(pattern(16)), entry))).toBe('AUTHENTICATION_FAILED')
  })
})

describe('a raw AES key', () => {
  // spec: framework/raw-aes-keyring.md#ondecrypt/7
  // spec: framework/raw-aes-keyring.md#ondecrypt/8
  // spec: framework/raw-aes-keyring.md#ondecrypt/9
  // spec: framework/raw-aes-keyring.md#ondecrypt/10
  // spec: framework/raw-aes-keyring.md#ondecrypt/11
  test('accepts the entries of its namespace and name, with the lengths that it uses, and no others', () => {
    const provider = providerOf(pattern(32))
    const entry = referenceEntry(pattern(32), pattern(32, 5))
    const info = Buffer.from(entry.providerInfo)
    const iv = info.subarray(-12)
    expect(provider.accepts(entry)).toBe(true)
    const infoOf = (text: string, tagBits: number, ivLength: number, rest: Uint8Array) =>
      Buffer.concat([Buffer.from(text), u32(tagBits), u32(ivLength), rest])
    const infos = {
      'another name': infoOf('k€y 2', 128, 12, iv),
      'a longer name': infoOf('k€y 11', 128, 12, iv),
      'a shorter name': infoOf('k€y ', 128, 12, iv),
      'no name': infoOf('', 128, 12, iv),
      'a tag of 12 bytes': infoOf(name, 96, 12, iv),
      'a tag length in bytes': infoOf(name, 16, 12, iv),
      'an iv length in bits': infoOf(name, 128, 96, iv),
      'an iv of 16 bytes': infoOf(name, 128, 16, Buffer.alloc(16)),
      'an iv of 8 bytes': infoOf(name, 128, 8, Buffer.alloc(8)),
      'an iv cut': info.subarray(0, -1),
      'an iv extended': Buffer.concat([info, Buffer.of(0)]),
      'the name alone': nameBytes,
      nothing: Buffer.alloc(0),
    }
    for (const [what, providerInfo] of Object.entries(infos))
      expect(provider.accepts({ ...entry, providerInfo }), what).toBe(false)
    for (let at = 0; at < info.length - 12; at++) {
      expect(provider.accepts({ ...entry, providerInfo: altered(info, at) }), `byte ${at}`).toBe(false)
    }
    for (const providerId of [
      '',
      'other',
      `${namespace}2`,
      namespace.slice(1),
      namespace.toUpperCase(),
      namespace.normalize('NFD'),
    ]) {
      expect(provider.accepts({ ...entry, providerId }), providerId).toBe(false)
    }
  })

  // spec: framework/raw-aes-keyring.md#wrapping-key/3
  test.each([0, 1, 15, 17, 31, 33, 64])('is not of %i bytes', async (size) => {
    expect(await codeOf(() => providerOf(pattern(size)))).toBe('INVALID_ARGUMENT')
    if (size > 0)
      expect(await codeOf(() => rawAes({ namespace, name, key: createSecretKey(pattern(size)) }))).toBe(
        'INVALID_ARGUMENT',
      )
  })

  // spec: framework/raw-aes-keyring.md#initialization/1
  test('needs namespace, name and key', async () => {
    for (const missing of ['namespace', 'name', 'key']) {
      const given = { namespace, name, key: pattern(32), [missing]: undefined }
      expect(await codeOf(() => rawAes(given as never)), missing).toBe('INVALID_ARGUMENT') // what plain JavaScript may pass
    }
    for (const key of [
      'a'.repeat(32),
      Buffer.from(pattern(32)).toString('base64'),
      new Uint8Array(new SharedArrayBuffer(32)),
    ]) {
      expect(await codeOf(() => rawAes({ namespace, name, key: key as never }))).toBe('INVALID_ARGUMENT')
    }
  })

  test('has no other options', async () => {
    const misspelt = { namespace, name, key: pattern(32), nmae: 'k2' }
    expect(await codeOf(() => rawAes(misspelt))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => rawAes(undefined as never))).toBe('INVALID_ARGUMENT')
  })

  test('says what it is', () => {
    const { name: shown, providerId, bindsContext, authenticatesWriter } = providerOf(pattern(32))
    expect([shown, providerId, bindsContext, authenticatesWriter]).toEqual([
      `${namespace}/${name}`,
      namespace,
      true,
      true,
    ])
  })

  test('is a copy, takes part of a buffer, and shows no byte of itself', async () => {
    const buffer = Buffer.concat([Buffer.alloc(8), canary(), Buffer.alloc(8)])
    const provider = providerOf(buffer.subarray(8, 40))
    buffer.fill(0)
    expect(await unwrap(provider, referenceEntry(canary(), pattern(32, 5)))).toEqual(Buffer.from(pattern(32, 5)))
    expect(canaryIn(provider)).toEqual([])
    expect(canaryIn(await refusal(() => providerOf(canary(31))))).toEqual([])
  })

  test('leaves the data key that it is handed as it was', async () => {
    const dataKey = SecretBytes.from(canary())
    await providerOf(pattern(32)).wrapDataKey?.({ dataKey, context, contextBytes }, options)
    expect(dataKey.released).toBe(false)
    expect(dataKey.bytes).toEqual(canary())
  })

  test('heeds the signal', async () => {
    const signal = AbortSignal.abort()
    const provider = providerOf(pattern(32))
    const entry = referenceEntry(pattern(32), pattern(32, 5))
    const request = { context, contextBytes, length: 32, entry, dataKey: SecretBytes.from(pattern(32)) }
    expect(await codeOf(() => provider.wrapDataKey?.(request, { signal }))).toBe('ABORTED')
    expect(await codeOf(() => provider.unwrapDataKey?.(request, { signal }))).toBe('ABORTED')
  })
})

// spec: framework/raw-aes-keyring.md#ondecrypt/18
test('a message under another raw AES key of the same name does not open', async () => {
  const sealed = await createEnvelope({ keys: providerOf(pattern(32)) }).encrypt(pattern(10))
  const other = createEnvelope({ keys: providerOf(pattern(32, 1)) })
  expect(await codeOf(() => other.decrypt(sealed))).toBe('AUTHENTICATION_FAILED')
})
