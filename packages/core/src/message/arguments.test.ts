import { describe, expect, test } from 'vitest'
import { anyOf } from '../keys/any-of.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { inspect } from '../wire/inspect.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import type { EnvelopeOptions } from './envelope-options.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { spyEntry, writeMessage } from './reference-writer.test-support.ts'

const { dataKey, spy, envelope } = setUp(0x0478)
/** The same without types, as a caller in JavaScript has it. */
const untyped = envelope as unknown as Record<'encrypt' | 'decrypt', (...args: unknown[]) => Promise<unknown>>
const untypedCreate = createEnvelope as (options?: unknown) => Envelope

describe('the bytes', () => {
  // spec: client-apis/encrypt.md#plaintext/1
  // spec: client-apis/encrypt.md#input/1
  // spec: client-apis/decrypt.md#input/1
  test('must be bytes, and there', async () => {
    spy.calls.length = 0
    for (const wrong of [undefined, null, 'text', [1], new ArrayBuffer(8), new Uint16Array(2), {}]) {
      expect(await codeOf(() => untyped.encrypt(wrong))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => untyped.decrypt(wrong))).toBe('INVALID_ARGUMENT')
    }
    expect(spy.calls).toEqual([])
  })

  test('that are a message in base64 are refused by name, as text and as bytes', async () => {
    const base64 = Buffer.from(await envelope.encrypt(pattern(9))).toString('base64')
    const asText = await refusal(() => untyped.decrypt(base64))
    expect([asText.code, asText.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('base64')])
    const asBytes = await refusal(() => envelope.decrypt(Buffer.from(base64)))
    expect([asBytes.code, asBytes.message]).toEqual(['MALFORMED_MESSAGE', expect.stringContaining('base64')])
  })

  test('may not be shared with another thread, nor transferred away', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(100))
    expect(await codeOf(() => envelope.encrypt(shared))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => envelope.decrypt(shared))).toBe('INVALID_ARGUMENT')
    const moved = new Uint8Array(100)
    structuredClone(moved, { transfer: [moved.buffer] })
    expect(await codeOf(() => envelope.encrypt(moved))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => envelope.decrypt(moved))).toBe('INVALID_ARGUMENT')
  })

  test.each([0, 5, 5000])('may be a view in larger memory: %i of it, unmodified', async (length) => {
    const pool = Buffer.alloc(length + 1000, 0xee)
    pool.set(pattern(length), 500)
    const before = Buffer.from(pool)
    const sealed = await envelope.encrypt(pool.subarray(500, 500 + length), { frameLength: 1024 })
    expect(pool.equals(before)).toBe(true)
    expect(readMessage(sealed, dataKey).plaintext.equals(pattern(length))).toBe(true)

    const message = Buffer.alloc(sealed.length + 1000, 0xee)
    message.set(sealed, 333)
    const kept = Buffer.from(message)
    const { plaintext } = await envelope.decrypt(message.subarray(333, 333 + sealed.length))
    expect(message.equals(kept)).toBe(true)
    expect(plaintext).toEqual(pattern(length))
  })

  // spec: client-apis/encrypt.md#output/1
  // spec: client-apis/encrypt.md#output/2
  test.each([0, 5, 5000])('come back in memory of their own, all of it theirs: %i', async (length) => {
    const given = pattern(length)
    const sealed = await envelope.encrypt(given, { frameLength: 1024 })
    const { plaintext } = await envelope.decrypt(sealed)
    for (const result of [sealed, plaintext]) {
      expect(result.constructor).toBe(Uint8Array)
      expect([result.byteOffset, result.buffer.byteLength]).toEqual([0, result.length])
    }
    expect(inspect(sealed)).toMatchObject({ suite: 0x0478, context: {}, frameLength: 1024 })
    const kept = plaintext.slice()
    sealed.fill(0)
    given.fill(0)
    expect(plaintext).toEqual(kept)
  })
})

// spec: client-apis/decrypt.md#output/2
test('an opened message is its plaintext, context, suite, whether it is signed, and who opened it', async () => {
  const opened = await envelope.decrypt(await envelope.encrypt(pattern(9), { sign: true }))
  expect(Object.keys(opened).sort()).toEqual(['context', 'openedBy', 'plaintext', 'signed', 'suite'])
})

describe('the options of a call', () => {
  // spec: client-apis/encrypt.md#input/2
  // spec: client-apis/decrypt.md#input/3
  test('may all be left out, or be undefined', async () => {
    const unset = { context: undefined, withheld: undefined, sign: undefined, suite: undefined, frameLength: undefined }
    for (const options of [undefined, {}, { ...unset, signal: undefined }]) {
      const sealed = await envelope.encrypt(pattern(9), options)
      for (const opening of [undefined, {}, { context: undefined, withheld: undefined, signal: undefined }]) {
        expect((await envelope.decrypt(sealed, opening)).plaintext).toEqual(pattern(9))
      }
    }
  })

  // spec: client-apis/encrypt.md#input/3
  test('are refused where they are none: a misspelt context would bind nothing', async () => {
    spy.calls.length = 0
    for (const wrong of [
      { encryptionContext: {} },
      { Context: {} },
      { length: 9 },
      { signal: 'x' },
      { sign: 'yes' },
      'x',
      null,
    ]) {
      expect(await codeOf(() => untyped.encrypt(pattern(9), wrong)), JSON.stringify(wrong)).toBe('INVALID_ARGUMENT')
    }
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, frameLength: 9, parts: [pattern(9)] })
    for (const wrong of [{ sign: true }, { suite: 0x0478 }, { maxLength: 9 }, { signal: {} }, 'x', null]) {
      expect(await codeOf(() => untyped.decrypt(bytes, wrong)), JSON.stringify(wrong)).toBe('INVALID_ARGUMENT')
    }
    expect(spy.calls).toEqual([])
  })

  // spec: client-apis/encrypt.md#algorithm-suite/2
  // spec: client-apis/encrypt.md#get-the-encryption-materials/9
  test.each([0, 0x0479, 0x1478, -1, 0.5, Number.NaN, '0x0478'])('refuse %j as a suite', async (suite) => {
    spy.calls.length = 0
    expect(await codeOf(() => untyped.encrypt(pattern(9), { suite }))).toBe('INVALID_ARGUMENT')
    expect(spy.calls).toEqual([])
  })
})

test.each([
  ['encrypt', { context: null }],
  ['encrypt', { suite: null }],
  ['decrypt', { context: null }],
] as const)('null is no absent option: %s with %j', async (operation, options) => {
  const { bytes } = writeMessage({ suite: 0x0478, dataKey, frameLength: 9, parts: [pattern(9)] })
  expect(await codeOf(() => untyped[operation](bytes, options))).toBe('INVALID_ARGUMENT')
})

test.each([null, 'HOLD', true, 1n, Symbol('hold')])(
  'no word for what becomes of a signed message is refused: %o',
  async (signed) => {
    const decryptStream = envelope.decryptStream as (options: unknown) => unknown
    expect(await codeOf(async () => decryptStream({ signed }))).toBe('INVALID_ARGUMENT')
  },
)

describe('the options of an envelope', () => {
  const keys = spy.provider
  // spec: client-apis/encrypt.md#input/1
  // spec: client-apis/decrypt.md#input/2
  test.each([
    ['nothing', undefined],
    ['no keys', {}],
    ['null for keys', { keys: null }],
    ['an empty list of keys', { keys: [] }],
    ['an object that is no key', { keys: { name: 'x' } }],
    ['an unknown option', { keys, encryptionContext: {} }],
    ['a required name that no context may have', { keys, requireContext: ['aws-crypto-x'] }],
    ['the same', { keys, requireContext: ['__proto__'] }],
    ['an unknown policy', { keys, commitmentPolicy: 'none' }],
    ['a policy named as a member of every object', { keys, commitmentPolicy: 'toString' }],
    ['a context required by name alone', { keys, requireContext: 'tenant' }],
    ['a required name that is none', { keys, requireContext: [1] }],
    ['a hole for a required name', { keys, requireContext: new Array(1) }],
    ['a key without a name', { keys: { ...keys, name: undefined } }],
    ['no time for calls', { keys, callTimeoutMs: 0 }],
    ['text as a time', { keys, callTimeoutMs: '10' }],
    ['an observer that is no function', { keys, observe: {} }],
    ['a clock without timers', { keys, clock: { now: Date.now, monotonic: Date.now } }],
    ['an authenticated writer by text', { keys, requireAuthenticatedWriter: 'yes' }],
    ['a cache that is null', { keys, cache: null }],
    ['a cache by a truth value', { keys, cache: false }],
    ['an unknown limit', { keys, limits: { maxFrames: 1 } }],
    ['a limit of nothing', { keys, limits: { maxFrameLength: 0 } }],
    ['a limit that is no number', { keys, limits: { maxHeaderBytes: Number.NaN } }],
    ['a limit as text', { keys, limits: { maxHeaderBytes: '10' } }],
  ])('are refused where they are %s', async (_, options) => {
    expect(await codeOf(() => untypedCreate(options))).toBe('INVALID_ARGUMENT')
  })

  test('may be undefined', async () => {
    const options: { [Name in keyof EnvelopeOptions]-?: EnvelopeOptions[Name] | undefined } = {
      keys,
      commitmentPolicy: undefined,
      requireContext: undefined,
      requireAuthenticatedWriter: undefined,
      cache: undefined,
      callTimeoutMs: undefined,
      observe: undefined,
      clock: undefined,
      limits: { maxEncryptedDataKeys: undefined, maxFrameLength: undefined },
    }
    const made = untypedCreate(options)
    expect((await made.decrypt(await made.encrypt(pattern(9)))).plaintext).toEqual(pattern(9))
  })

  // spec: client-apis/client.md#initialization/4
  test('are read once: what happens to them afterwards changes nothing', async () => {
    const limits = { maxFrameLength: 100 }
    const requireContext = ['tenant']
    const options: { -readonly [Name in keyof EnvelopeOptions]: EnvelopeOptions[Name] } = {
      keys,
      limits,
      requireContext,
    }
    const made = createEnvelope(options)
    options.commitmentPolicy = 'forbid-encrypt-allow-decrypt'
    limits.maxFrameLength = 2 ** 30
    requireContext.length = 0
    const uncommitted = writeMessage({ suite: 0x0178, dataKey, frameLength: 9, parts: [pattern(9)] }).bytes
    const context = { tenant: 't' }
    expect(await codeOf(() => made.decrypt(uncommitted, { context }))).toBe('POLICY_VIOLATION')
    expect(await codeOf(() => made.encrypt(pattern(9), { context, frameLength: 101 }))).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(() => made.encrypt(pattern(9)))).toBe('INVALID_ARGUMENT')
  })
})

// A default frame length of 5.5 would make messages that open nowhere.
test.each([0, -1, 5.5, Number.NaN, '7', null])('a limit of %j bytes a frame is refused', async (maxFrameLength) => {
  const options = { keys: spy.provider, limits: { maxFrameLength: maxFrameLength as number } } // what plain JavaScript may pass
  expect(await codeOf(() => createEnvelope(options))).toBe('INVALID_ARGUMENT')
})

describe('limits, before any key is asked', () => {
  const recipients = (count: number) =>
    anyOf(Array.from({ length: count }, (_, at) => spyProvider({ name: `r${at}` }).provider))
  const wrap = (count: number) => (key: Uint8Array) => Array.from({ length: count }, () => spyEntry(key))
  const message = (count: number) =>
    writeMessage({ suite: 0x0478, dataKey, wrap: wrap(count), frameLength: 9, parts: [pattern(9)] }).bytes

  // spec: client-apis/client.md#initialization/1
  // spec: client-apis/client.md#initialization/3
  // spec: client-apis/client.md#maximum-number-of-encrypted-data-keys/1
  // spec: client-apis/encrypt.md#get-the-encryption-materials/11
  test('count data keys both ways: 16, another number, or none with Infinity', async () => {
    for (const [maxEncryptedDataKeys, most] of [
      [undefined, 16],
      [3, 3],
      [Number.POSITIVE_INFINITY, 40],
    ] as const) {
      const limits = { maxEncryptedDataKeys }
      const sealed = await createEnvelope({ keys: recipients(most), limits }).encrypt(pattern(9))
      expect(readMessage(sealed, pattern(32, 77)).entries.length).toBe(most)
      const reader = spyProvider()
      const opener = createEnvelope({ keys: reader.provider, limits })
      expect((await opener.decrypt(message(most))).plaintext).toEqual(pattern(9))
      if (most === 40) continue
      reader.calls.length = 0
      expect(await codeOf(() => opener.decrypt(message(most + 1)))).toBe('LIMIT_EXCEEDED')
      expect(reader.calls).toEqual([])
      const calls: string[] = []
      const one = spyProvider({ name: 'one', before: (operation) => void calls.push(operation) }).provider
      const keys = anyOf(one, recipients(most))
      expect(await codeOf(() => createEnvelope({ keys, limits }).encrypt(pattern(9)))).toBe('LIMIT_EXCEEDED')
      expect(calls).toEqual([])
    }
  })

  test('bound frame length both ways, 16 MiB by default', async () => {
    const sealing = (frameLength: number) => envelope.encrypt(pattern(9), { frameLength })
    const claiming = (frameLength: number) =>
      writeMessage({ suite: 0x0478, dataKey, frameLength, parts: [pattern(9)] }).bytes
    expect((await envelope.decrypt(await sealing(2 ** 24))).plaintext).toEqual(pattern(9))
    spy.calls.length = 0
    expect(await codeOf(() => sealing(2 ** 24 + 1))).toBe('LIMIT_EXCEEDED')
    for (const claimed of [2 ** 24 + 1, 0xffff_ffff]) {
      const error = await refusal(() => envelope.decrypt(claiming(claimed)))
      expect([error.code, error.message]).toEqual(['LIMIT_EXCEEDED', expect.stringContaining(String(claimed))])
    }
    expect(spy.calls).toEqual([])
    const small = createEnvelope({ keys: spy.provider, limits: { maxFrameLength: 5 } })
    expect(readMessage(await small.encrypt(pattern(9)), dataKey).frameLength).toBe(5)
  })

  test('bound the header, 1 MiB by default', async () => {
    const long = (length: number) => () => [{ ...spyEntry(dataKey), providerInfo: new Uint8Array(length) }]
    const write = (length: number) =>
      writeMessage({ suite: 0x0478, dataKey, wrap: long(length), frameLength: 9, parts: [pattern(9)] })
    const { header, bytes } = write(1000)
    const reader = (maxHeaderBytes: number) => createEnvelope({ keys: spy.provider, limits: { maxHeaderBytes } })
    expect((await reader(header.length).decrypt(bytes)).plaintext).toEqual(pattern(9))
    spy.calls.length = 0
    expect(await codeOf(() => reader(header.length - 1).decrypt(bytes))).toBe('LIMIT_EXCEEDED')
    const large = (count: number) => () => Array.from({ length: count }, long(0xff00)).flat()
    const message = (count: number) =>
      writeMessage({ suite: 0x0478, dataKey, wrap: large(count), frameLength: 9, parts: [pattern(9)] })
    expect(message(16).header.length).toBeLessThan(2 ** 20)
    expect((await envelope.decrypt(message(16).bytes)).plaintext).toEqual(pattern(9))
    spy.calls.length = 0
    const many = createEnvelope({ keys: spy.provider, limits: { maxEncryptedDataKeys: 17 } })
    expect(await codeOf(() => many.decrypt(message(17).bytes))).toBe('LIMIT_EXCEEDED')
    expect(spy.calls).toEqual([])
  })
})
