import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RsaPadding } from '../crypto/wrapping.ts'
import { anyOf } from '../keys/any-of.ts'
import { canary, canaryIn } from '../keys/doubles.test-support.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { createEnvelope } from '../message/envelope.ts'
import { writeMessage } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { inspect } from '../wire/inspect.ts'
import { type RawRsaOptions, rawRsa } from './raw-rsa.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const paddings = ['pkcs1', 'oaep-sha1', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'] as const
const names = { namespace: 'ns', name: 'r1' }
const bound = { context: {}, contextBytes: new Uint8Array(0) }
const options = { signal: new AbortController().signal }

const rsa = (padding: RsaPadding, more: Partial<RawRsaOptions> = { publicKey, privateKey }) =>
  rawRsa({ ...names, padding, ...more })

/** How node:crypto is told of a padding. */
const howOf = (padding: RsaPadding) =>
  padding === 'pkcs1'
    ? { padding: constants.RSA_PKCS1_PADDING }
    : { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: padding.replace('oaep-', '') }

function referenceEntry(padding: RsaPadding, dataKey: Uint8Array, key = publicKey): EncryptedDataKey {
  return {
    providerId: 'ns',
    providerInfo: Buffer.from('r1'),
    ciphertext: publicEncrypt({ key, ...howOf(padding) }, dataKey),
  }
}

const unwrap = async (provider: KeyProvider, entry: EncryptedDataKey, length = 32) =>
  Buffer.from((await provider.unwrapDataKey?.({ entry, length, ...bound }, options))?.bytes ?? [])

/** A message, by the reference, of which these are the entries. */
const messageOf = (...entries: EncryptedDataKey[]) =>
  writeMessage({ suite: 0x0478, dataKey: pattern(32, 5), wrap: () => entries, frameLength: 8, parts: [pattern(3)] })
    .bytes

const opensIt = async (keys: readonly KeyProvider[], message: Uint8Array) => {
  const { plaintext, openedBy } = await createEnvelope({ keys: anyOf(keys) }).decrypt(message)
  expect(plaintext).toEqual(pattern(3))
  return openedBy
}

describe.each(paddings)('a raw RSA key with %s', (padding) => {
  // spec: framework/raw-rsa-keyring.md#onencrypt/5
  // spec: framework/raw-rsa-keyring.md#onencrypt/6
  // spec: framework/keyring-interface.md#onencrypt/5
  test('makes an entry of namespace, name and the data key, and nothing else', async () => {
    const request = { dataKey: SecretBytes.from(canary()), ...bound }
    const entry = (await rsa(padding).wrapDataKey?.(request, options)) as EncryptedDataKey // it has the public key
    expect(entry.providerId).toBe('ns')
    expect(Buffer.from(entry.providerInfo)).toEqual(Buffer.from('r1'))
    expect(entry.ciphertext.length).toBe(256)
    const opened = privateDecrypt({ key: privateKey, ...howOf(padding) }, entry.ciphertext)
    expect(opened).toEqual(Buffer.from(canary()))
    expect(request.dataKey.bytes).toEqual(canary())
  })

  test('opens the entry of another implementation, of every length of data key', async () => {
    for (const length of [16, 24, 32]) {
      const opened = await unwrap(rsa(padding), referenceEntry(padding, pattern(length, 5)), length)
      expect(opened).toEqual(Buffer.from(pattern(length, 5)))
    }
  })

  // spec: framework/raw-rsa-keyring.md#ondecrypt/6
  test('opens a message of another implementation', async () => {
    const openedBy = { name: 'ns/r1', providerId: 'ns', authenticatesWriter: false }
    expect(await opensIt([rsa(padding, { privateKey })], messageOf(referenceEntry(padding, pattern(32, 5))))).toEqual(
      openedBy,
    )
  })

  // spec: framework/raw-rsa-keyring.md#ondecrypt/7
  test('does not open a message for another key of the same name', async () => {
    const message = messageOf(referenceEntry(padding, pattern(32, 5), other.publicKey))
    const error = await refusal(() => createEnvelope({ keys: rsa(padding) }).decrypt(message))
    expect(error.code).toBe('AUTHENTICATION_FAILED')
    expect(canaryIn(error)).toEqual([])
  })

  // spec: framework/raw-rsa-keyring.md#ondecrypt/4
  test('tries its entries in the order of the message until one opens', async () => {
    const [wrong, right] = [
      referenceEntry(padding, pattern(32, 5), other.publicKey),
      referenceEntry(padding, pattern(32, 5)),
    ]
    expect((await opensIt([rsa(padding)], messageOf(wrong, right))).name).toBe('ns/r1')
    expect((await opensIt([rsa(padding)], messageOf(right, wrong))).name).toBe('ns/r1')
    const tries: Uint8Array[] = []
    const { unwrapDataKey, ...rest } = rsa(padding)
    const spied: KeyProvider = {
      ...rest,
      unwrapDataKey: async (request, call) => {
        tries.push(request.entry.ciphertext)
        return (await unwrapDataKey?.(request, call)) as SecretBytes // it has the private key
      },
    }
    await opensIt([spied], messageOf(wrong, right, wrong))
    expect(tries.map((bytes) => Buffer.from(bytes))).toEqual([wrong.ciphertext, right.ciphertext])
  })
})

describe('a raw RSA key', () => {
  // spec: framework/raw-rsa-keyring.md#ondecrypt/5
  test('accepts the entries of its namespace and name, and no others', () => {
    const provider = rsa('oaep-sha1')
    const entry = { providerId: 'ns', providerInfo: Buffer.from('r1'), ciphertext: new Uint8Array(256) }
    expect(provider.accepts(entry)).toBe(true)
    for (const info of ['', 'r', 'r2', 'r11', 'R1', 'r1\0']) {
      expect(provider.accepts({ ...entry, providerInfo: Buffer.from(info) }), info).toBe(false)
    }
    for (const providerId of ['', 'n', 'ns2', 'NS'])
      expect(provider.accepts({ ...entry, providerId }), providerId).toBe(false)
  })

  test('does not ask for an entry that it does not accept', async () => {
    const entry = { ...referenceEntry('oaep-sha1', pattern(32, 5)), providerInfo: Buffer.from('r2') }
    expect(await codeOf(() => opensIt([rsa('oaep-sha1')], messageOf(entry)))).toBe('NO_USABLE_KEY')
  })

  // spec: framework/raw-rsa-keyring.md#onencrypt/1
  // spec: framework/raw-rsa-keyring.md#onencrypt/2
  test('with the private key alone opens and does not seal', async () => {
    const provider = rsa('oaep-sha256', { privateKey })
    expect('wrapDataKey' in provider || 'generateDataKey' in provider).toBe(false)
    expect(await codeOf(() => createEnvelope({ keys: provider }).encrypt(pattern(1)))).toBe('UNSUPPORTED')
    await opensIt([provider], messageOf(referenceEntry('oaep-sha256', pattern(32, 5))))
  })

  // spec: framework/raw-rsa-keyring.md#ondecrypt/1
  test('with the public key alone seals and does not open', async () => {
    const provider = rsa('oaep-sha256', { publicKey })
    expect('unwrapDataKey' in provider).toBe(false)
    const sealed = await createEnvelope({ keys: provider }).encrypt(pattern(3))
    await opensIt([rsa('oaep-sha256', { privateKey })], sealed)
    const error = await refusal(() => createEnvelope({ keys: provider }).decrypt(sealed))
    expect(error.code).toBe('NO_USABLE_KEY')
    expect(error.message).toContain(`${provider.name} would, but can only seal`)
  })

  // spec: framework/raw-rsa-keyring.md#onencrypt/4
  test('seals every message under a new data key', async () => {
    const envelope = createEnvelope({ keys: rsa('oaep-sha256') })
    const keys = new Set<string>()
    for (let round = 0; round < 10; round++) {
      const [entry] = inspect(await envelope.encrypt(pattern(1))).encryptedDataKeys
      const dataKey = privateDecrypt({ key: privateKey, ...howOf('oaep-sha256') }, entry?.ciphertext ?? Buffer.alloc(0))
      expect(dataKey.length).toBe(32)
      keys.add(dataKey.toString('hex'))
    }
    expect(keys.size).toBe(10)
  })

  // spec: framework/raw-rsa-keyring.md#initialization/1
  test('needs namespace, name, padding and a key', async () => {
    for (const missing of ['namespace', 'name', 'padding'] as const) {
      const given = { ...names, padding: 'pkcs1', publicKey, [missing]: undefined }
      expect(await codeOf(() => rawRsa(given as never)), missing).toBe('INVALID_ARGUMENT') // what plain JavaScript may pass
    }
    expect(await codeOf(() => rsa('pkcs1', {}))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => rsa('pkcs1', { publicKey: undefined, privateKey: undefined }))).toBe('INVALID_ARGUMENT')
  })

  test('has no other options: a misspelt publicKey would make one that only opens', async () => {
    const misspelt = { ...names, padding: 'pkcs1', publickey: publicKey, privateKey } as const
    expect(await codeOf(() => rawRsa(misspelt))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => rawRsa(undefined as never))).toBe('INVALID_ARGUMENT')
  })

  // spec: framework/raw-rsa-keyring.md#padding-scheme/1
  // spec: framework/raw-rsa-keyring.md#supported-padding-schemes/1
  test('has one of five paddings', async () => {
    for (const padding of [
      '',
      'none',
      'pkcs1v15',
      'pss',
      'oaep',
      'oaep-md5',
      'oaep-sha224',
      'OAEP-SHA1',
      'toString',
      null,
      1,
    ]) {
      expect(await codeOf(() => rsa(padding as RsaPadding)), String(padding)).toBe('INVALID_ARGUMENT')
    }
  })

  test('refuses the other half, or another kind, of key', async () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const bad = [
      { publicKey: privateKey },
      { privateKey: publicKey },
      { publicKey: ec.publicKey },
      { privateKey: ec.privateKey },
    ]
    for (const keys of bad) expect(await codeOf(() => rsa('oaep-sha256', keys))).toBe('INVALID_ARGUMENT')
  })

  test('says that it binds no context and authenticates no writer', async () => {
    expect(rsa('pkcs1')).toMatchObject({
      name: 'ns/r1',
      providerId: 'ns',
      bindsContext: false,
      authenticatesWriter: false,
    })
    const message = messageOf(referenceEntry('pkcs1', pattern(32, 5)))
    const strict = createEnvelope({ keys: rsa('pkcs1'), requireAuthenticatedWriter: true })
    expect(await codeOf(() => strict.decrypt(message))).toBe('POLICY_VIOLATION')
  })

  test('heeds the signal', async () => {
    const signal = AbortSignal.abort()
    const request = {
      entry: referenceEntry('pkcs1', pattern(32)),
      dataKey: SecretBytes.from(pattern(32)),
      length: 32,
      ...bound,
    }
    expect(await codeOf(() => rsa('pkcs1').wrapDataKey?.(request, { signal }))).toBe('ABORTED')
    expect(await codeOf(() => rsa('pkcs1').unwrapDataKey?.(request, { signal }))).toBe('ABORTED')
  })
})

describe('two RSA keys under one name with different paddings', () => {
  const pairs = paddings.flatMap((right) =>
    paddings.filter((wrong) => wrong !== right).map((wrong) => [right, wrong] as const),
  )

  test.each(pairs)('a message for %s opens beside %s, whichever comes first', async (right, wrong) => {
    const message = messageOf(referenceEntry(right, pattern(32, 5)))
    for (const keys of [
      [rsa(right), rsa(wrong)],
      [rsa(wrong), rsa(right)],
    ]) {
      await opensIt(keys, message)
    }
  })
})

test.each(paddings)('opens no ciphertext whose leading zero is cut off, with %s', async (padding) => {
  const dataKey = pattern(32)
  let entry = referenceEntry(padding, dataKey)
  while (entry.ciphertext[0] !== 0) entry = referenceEntry(padding, dataKey) // about one in 256 begins so
  const cut = { ...entry, ciphertext: entry.ciphertext.subarray(1) }
  if (padding === 'pkcs1') expect(await unwrap(rsa(padding), cut)).not.toEqual(Buffer.from(dataKey))
  else expect(await codeOf(() => unwrap(rsa(padding), cut))).toBe('AUTHENTICATION_FAILED')
})
