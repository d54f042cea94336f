import { afterEach, describe, expect, test, vi } from 'vitest'
import { dataKeyCache } from '../data-key-cache/data-key-cache.ts'
import { anyOf } from '../keys/any-of.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import { memoryKeys } from '../testing/memory-keys.ts'
import { inspect } from '../wire/inspect.ts'
import { createEnvelope } from './envelope.ts'
import { allow, forbid, setUp, spyProvider } from './fixtures.test-support.ts'
import { moves } from './reencrypt.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { spyEntry, writeMessage } from './reference-writer.test-support.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const { envelope: from, spy: fromSpy, dataKey } = setUp(0x0478)
const toSpy = spyProvider({ name: 'new', providerId: 'new' })
const to = createEnvelope({ keys: toSpy.provider })
const plaintext = pattern(50)
const pairs = { a: '1', b: '2' }

describe.each(moves)('%s', (_, move) => {
  test('seals the plaintext anew, under the keys of the other envelope alone', async () => {
    const sealed = await from.encrypt(plaintext, { frameLength: 16, context: pairs })
    const before = sealed.slice()
    const moved = await move(from, sealed, to)
    expect(sealed).toEqual(before)
    expect((await to.decrypt(moved)).plaintext).toEqual(plaintext)
    expect(await codeOf(() => from.decrypt(moved))).toBe('NO_USABLE_KEY')
    expect(inspect(moved).encryptedDataKeys.map((entry) => entry.providerId)).toEqual(['new'])
  })

  test('has a fresh data key and message id, to the very same envelope too', async () => {
    const envelope = createEnvelope({ keys: rawAes({ namespace: 'ns', name: 'k', key: pattern(32) }) })
    const sealed = await envelope.encrypt(plaintext)
    const { generateDataKey: _, ...wraps } = spyProvider().provider // so that the data key is drawn by core
    const random = createEnvelope({ keys: wraps })
    const messages = [sealed, await move(envelope, sealed, envelope), await move(envelope, sealed, envelope)]
    expect(new Set(messages.map((bytes) => Buffer.from(inspect(bytes).messageId).toString('hex'))).size).toBe(3)
    const moved = [await move(envelope, sealed, random), await move(envelope, sealed, random)]
    const keys = moved.map((bytes) =>
      Buffer.from(inspect(bytes).encryptedDataKeys[0]?.ciphertext ?? []).toString('hex'),
    )
    expect(new Set(keys).size).toBe(2)
    for (const bytes of messages) expect((await envelope.decrypt(bytes)).plaintext).toEqual(plaintext)
  })

  test('has a fresh data key of the key as it is now, though a cache holds the old one', async () => {
    const keys = memoryKeys()
    const envelope = createEnvelope({ keys, cache: dataKeyCache({ maxAgeMs: 60_000 }) })
    const sealed = await envelope.encrypt(plaintext)
    keys.rotate()
    const moved = await move(envelope, sealed, envelope)
    expect(keys.calls.filter(({ operation }) => operation === 'generateDataKey')).toHaveLength(2)
    expect(inspect(moved).encryptedDataKeys).not.toEqual(inspect(sealed).encryptedDataKeys)
    expect((await envelope.decrypt(moved)).plaintext).toEqual(plaintext)
    await envelope.close()
  })

  test.each([0, 1, 15, 16, 17, 32, 100])('moves %i bytes from frames of 16 to frames of 7', async (length) => {
    const sealed = await from.encrypt(pattern(length), { frameLength: 16 })
    const moved = await move(from, sealed, to, { seal: { frameLength: 7 } })
    expect(readMessage(moved, pattern(32, 77)).plaintext.equals(pattern(length))).toBe(true)
    expect(inspect(moved).frameLength).toBe(7)
  })

  const carried: readonly (readonly [string, object, Record<string, string>, Record<string, string>])[] = [
    ['nothing: all of it, withheld as it was', {}, { a: '1' }, { b: '2' }],
    ['undefined: the same', { context: undefined, withheld: undefined }, { a: '1' }, { b: '2' }],
    ['another context, without the withheld name', { context: { a: 'x' } }, { a: 'x' }, {}],
    ['another context with the withheld name', { context: { b: 'y', c: 'z' } }, { c: 'z' }, { b: 'y' }],
    ['an empty context', { context: {} }, {}, {}],
    ['nothing withheld', { withheld: [] }, { a: '1', b: '2' }, {}],
    ['another name withheld', { withheld: ['a'] }, { b: '2' }, { a: '1' }],
    ['both', { context: { b: 'y', c: 'z' }, withheld: ['c'] }, { b: 'y' }, { c: 'z' }],
  ]

  test.each(carried)('carries the context over where seal names %s', async (_name, seal, shown, hidden) => {
    const sealed = await from.encrypt(plaintext, { context: pairs, withheld: ['b'] })
    const moved = await move(from, sealed, to, { context: pairs, withheld: ['b'], seal })
    expect({ ...inspect(moved).context }).toEqual(shown)
    const context = { ...shown, ...hidden }
    const opened = await to.decrypt(moved, { context, withheld: Object.keys(hidden) })
    expect({ ...opened.context }).toEqual(context)
    if (Object.keys(hidden).length > 0) expect(await codeOf(() => to.decrypt(moved))).toBe('AUTHENTICATION_FAILED')
  })

  test('carries over what the caller did not ask for, and takes no name for withheld that every object has', async () => {
    const sealed = await from.encrypt(plaintext, { context: { ...pairs, toString: 't' }, withheld: ['toString'] })
    const expected = { context: { toString: 't' }, withheld: ['toString'] }
    expect({ ...inspect(await move(from, sealed, to, expected)).context }).toEqual(pairs)
    const moved = await move(from, sealed, to, { ...expected, seal: { context: { c: 'z' } } })
    expect({ ...inspect(moved).context }).toEqual({ c: 'z' })
  })

  test('seals by another suite, signed, for other recipients', async () => {
    const second = spyProvider({ name: 'second', providerId: 'second' })
    const several = createEnvelope({ keys: anyOf(toSpy.provider, second.provider), commitmentPolicy: allow })
    const moved = await move(from, await from.encrypt(plaintext), several, { seal: { sign: true } })
    const header = inspect(moved)
    expect([header.suite, header.encryptedDataKeys.length]).toEqual([0x0578, 2])
    const opened = await createEnvelope({ keys: second.provider }).decrypt(moved)
    expect([opened.signed, opened.plaintext]).toEqual([true, plaintext])
    const old = createEnvelope({ keys: toSpy.provider, commitmentPolicy: forbid })
    expect(inspect(await move(from, await from.encrypt(plaintext), old)).suite).toBe(0x0178)
    expect(inspect(await move(from, await from.encrypt(plaintext), old, { seal: { suite: 0x0114 } })).suite).toBe(
      0x0114,
    )
  })

  test('moves an unframed message, a signed one, and one without commitment where the policy reads it', async () => {
    const lenient = createEnvelope({ keys: fromSpy.provider, commitmentPolicy: allow })
    for (const [suite, frameLength] of [
      [0x0478, 0],
      [0x0578, 16],
      [0x0578, 0],
      [0x0178, 16],
    ] as const) {
      const parts = frameLength === 0 ? [plaintext] : [plaintext.subarray(0, 16), plaintext.subarray(16, 20)]
      const { bytes } = writeMessage({ suite, dataKey, frameLength, parts })
      const opened = await to.decrypt(await move(lenient, bytes, to))
      expect(opened.plaintext).toEqual(Uint8Array.from(Buffer.concat(parts)))
    }
  })

  test('moves a message whose header is longer than a mebibyte, where the limits allow it', async () => {
    const wrap = () =>
      Array.from({ length: 17 }, () => ({ ...spyEntry(dataKey), providerInfo: new Uint8Array(65_000) }))
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, wrap, frameLength: 16, parts: [pattern(9)] })
    const limits = { maxEncryptedDataKeys: 17, maxHeaderBytes: 2 ** 21 }
    const moved = await move(createEnvelope({ keys: fromSpy.provider, limits }), bytes, to)
    expect((await to.decrypt(moved)).plaintext).toEqual(pattern(9))
  })

  test('releases the data keys of both sides', async () => {
    fromSpy.secrets.length = 0
    toSpy.secrets.length = 0
    await move(from, await from.encrypt(plaintext), to)
    expect([fromSpy.secrets.length, toSpy.secrets.length]).toEqual([2, 1])
    expect([...fromSpy.secrets, ...toSpy.secrets].every((secret) => secret.released)).toBe(true)
  })
})

describe('the plaintext between opening and sealing', () => {
  const long = pattern(5003)

  async function wipedBy(run: () => Promise<unknown>): Promise<Uint8Array[]> {
    const fill = vi.spyOn(Uint8Array.prototype, 'fill')
    await run()
    return fill.mock.contexts.filter(
      (bytes): bytes is Uint8Array => bytes instanceof Uint8Array && bytes.length === long.length,
    )
  }

  test('is wiped once it is sealed', async () => {
    const sealed = await from.encrypt(long)
    const [wiped] = await wipedBy(() => from.reencrypt(sealed, to))
    expect(wiped?.every((byte) => byte === 0)).toBe(true)
  })

  test('is wiped where sealing fails', async () => {
    const sealed = await from.encrypt(long)
    const broken = spyProvider({ before: () => Promise.reject(new Error('down')) })
    const target = createEnvelope({ keys: broken.provider })
    const [wiped] = await wipedBy(() => codeOf(() => from.reencrypt(sealed, target)))
    expect(wiped?.every((byte) => byte === 0)).toBe(true)
  })
})
