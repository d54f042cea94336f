import { describe, expect, test } from 'vitest'
import { dataKeyCache } from '../data-key-cache/data-key-cache.ts'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import type { CallOptions, KeyProvider } from '../keys/key-provider.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { memoryKeys } from '../testing/memory-keys.ts'
import { inspect } from '../wire/inspect.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import type { EnvelopeOptions } from './envelope-options.ts'
import { allow, forbid } from './fixtures.test-support.ts'
import { driveWeb } from './stream-kinds.test-support.ts'

interface Counted {
  readonly provider: KeyProvider
  readonly calls: string[]
}

/** A raw key that counts its calls, as a key service's bill does. */
function counted(before: (options: CallOptions) => Promise<void> = async () => undefined): Counted {
  const calls: string[] = []
  const raw = rawAes({ namespace: 'ns', name: 'k', key: pattern(32, 9) })
  const provider: KeyProvider = {
    ...raw,
    async wrapDataKey(request, options) {
      calls.push('wrap')
      await before(options)
      return raw.wrapDataKey?.(request, options) ?? Promise.reject(new Error('cannot wrap'))
    },
    async unwrapDataKey(request, options) {
      calls.push('unwrap')
      await before(options)
      return raw.unwrapDataKey?.(request, options) ?? Promise.reject(new Error('cannot unwrap'))
    },
  }
  return { provider, calls }
}

const cacheOf = (limits = {}): { cache: ReturnType<typeof dataKeyCache> } => ({
  cache: dataKeyCache({ maxAgeMs: 60_000, ...limits }),
})
const cached = (keys: KeyProvider, options: Partial<EnvelopeOptions> = {}): Envelope =>
  createEnvelope({ keys, ...cacheOf(), ...options })
const entryOf = (sealed: Uint8Array): string =>
  Buffer.from(inspect(sealed).encryptedDataKeys[0]?.ciphertext ?? []).toString('hex')
const many = <T>(count: number, run: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)))

describe('messages with a cache', () => {
  test('of one context share a data key, and each has its own id, key and commitment', async () => {
    const { provider, calls } = counted()
    const envelope = cached(provider)
    const sealed = await many(50, () => envelope.encrypt(pattern(9), { context: { tenant: 'a' } }))
    expect(calls).toEqual(['wrap'])
    expect(new Set(sealed.map(entryOf)).size).toBe(1)
    expect(new Set(sealed.map((bytes) => Buffer.from(inspect(bytes).messageId).toString('hex'))).size).toBe(50)
    expect(new Set(sealed.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(50)
    const opened = await many(50, async (at) => (await envelope.decrypt(sealed[at] ?? pattern(0))).plaintext)
    expect(opened.every((plaintext) => Buffer.compare(plaintext, pattern(9)) === 0)).toBe(true)
    expect(calls).toEqual(['wrap', 'unwrap'])
  })

  // spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite/6
  // spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite/7
  test('share none across suites and contexts, withheld values among them', async () => {
    const { provider, calls } = counted()
    const envelope = cached(provider)
    const both = { tenant: 'a', secret: 'b' }
    const different = [
      {},
      { sign: true },
      { context: { tenant: 'a' } },
      { context: { tenant: 'b' } },
      { context: { ten: 'anta' } },
      { context: both },
      { context: { ...both, secret: 'c' }, withheld: ['secret'] },
    ]
    const sealed = await Promise.all(different.map((options) => envelope.encrypt(pattern(9), options)))
    expect(calls.length).toBe(different.length)
    expect(new Set(sealed.map(entryOf)).size).toBe(different.length)
    const withheld = await envelope.encrypt(pattern(9), { context: { secret: 'b', tenant: 'a' }, withheld: ['secret'] })
    expect(calls.length).toBe(different.length) // what is bound is the same; only the header shows less of it
    const opened = await envelope.decrypt(withheld, { context: both, withheld: ['secret'] })
    expect(opened.context).toEqual(both)
  })

  // spec: framework/caching-cmm.md#decryption-materials/6
  test('sealed under three data keys and opened at once cost three calls', async () => {
    const writer = counted()
    const one = createEnvelope({ keys: writer.provider, ...cacheOf({ maxMessages: 34 }) })
    const records = await many(100, (at) => one.encrypt(pattern(at)))
    expect(new Set(records.map(entryOf)).size).toBe(3)
    const { provider, calls } = counted()
    const reader = cached(provider)
    const opened = await many(100, async (at) => (await reader.decrypt(records[at] ?? pattern(0))).plaintext)
    expect(opened.every((plaintext, at) => Buffer.compare(plaintext, pattern(at)) === 0)).toBe(true)
    expect(calls.length).toBe(3)
  })

  // spec: framework/caching-cmm.md#decryption-materials/5
  // spec: framework/caching-cmm.md#decryption-materials/7
  test('are opened under no data key of another suite or context', async () => {
    const { provider, calls } = counted()
    const envelope = cached(provider)
    for (const options of [{}, { sign: true }, { context: { a: 'b' } }, { context: { a: 'c' } }]) {
      const sealed = await envelope.encrypt(pattern(9), options)
      calls.length = 0
      await many(5, () => envelope.decrypt(sealed))
      expect(calls).toEqual(['unwrap'])
    }
  })

  test('1,000 cold ones cost one call; where it fails all fail, and the next 1,000 make one more', async () => {
    let fails = true
    const { provider, calls } = counted(async () => {
      if (fails) throw new KeyfoldError('ACCESS_DENIED', 'denied')
    })
    const envelope = cached(provider)
    const codes = await many(1000, () => codeOf(() => envelope.encrypt(pattern(9))))
    expect(new Set(codes)).toEqual(new Set(['ACCESS_DENIED']))
    expect(calls.length).toBe(1)
    fails = false
    await many(1000, () => envelope.encrypt(pattern(9)))
    expect(calls.length).toBe(2)
  })

  test.each([1, 7, 1000])('10,000 under maxMessages 100 cost exactly 100 calls, %i at a time', async (atOnce) => {
    const { provider, calls } = counted()
    const envelope = cached(provider, cacheOf({ maxMessages: 100 }))
    let left = 10_000
    const worker = async (): Promise<void> => {
      while (left-- > 0) await envelope.encrypt(pattern(3))
    }
    await many(atOnce, worker)
    expect(calls.length).toBe(100)
  })

  test('open, all of 1,000 in flight, while every cached data key is evicted over and over', async () => {
    const { provider } = counted(() => new Promise((resolve) => setImmediate(resolve)))
    const cache = dataKeyCache({ maxAgeMs: 60_000, maxEntries: 1 })
    const envelope = createEnvelope({ keys: provider, cache })
    let done = false
    const evict = async (): Promise<void> => {
      for (; !done; await new Promise((resolve) => setImmediate(resolve))) cache.clear()
    }
    const evicting = evict()
    const opened = await many(1000, async (at) => {
      const context = { tenant: `t-${at % 10}` }
      const sealed = await envelope.encrypt(pattern(at % 50), { context })
      return (await envelope.decrypt(sealed, { context })).plaintext
    })
    done = true
    await evicting
    expect(opened.every((plaintext, at) => Buffer.compare(plaintext, pattern(at % 50)) === 0)).toBe(true)
  })

  test('that are signed share a key pair for as long as a data key', async () => {
    const { provider } = counted()
    const envelope = cached(provider, cacheOf({ maxMessages: 2 }))
    const sealed: Uint8Array[] = []
    for (let at = 0; at < 4; at++) sealed.push(await envelope.encrypt(pattern(at), { sign: true }))
    const keys = sealed.map((bytes) => inspect(bytes).publicKey)
    expect(keys[0]).toBe(keys[1])
    expect(keys[2]).toBe(keys[3])
    expect(keys[0]).not.toBe(keys[2])
    for (const [at, bytes] of sealed.entries()) {
      const opened = await envelope.decrypt(bytes)
      expect(opened.signed && Buffer.compare(opened.plaintext, pattern(at)) === 0).toBe(true)
    }
  })

  test('that are forged are refused, cached or not, and fail no genuine one that waits behind them', async () => {
    const sealed = await createEnvelope({ keys: counted().provider }).encrypt(pattern(9))
    const forged = sealed.slice()
    const tagAt = inspect(sealed).headerLength - 1
    forged[tagAt] = (forged[tagAt] ?? 0) ^ 1
    const { provider } = counted(() => new Promise((resolve) => setImmediate(resolve)))
    const reader = cached(provider)
    const [first, ...others] = await many(6, (at) =>
      codeOf(() => reader.decrypt(at === 0 ? forged : sealed)).catch(() => 'opened'),
    )
    expect(first).toBe('AUTHENTICATION_FAILED')
    expect(new Set(others)).toEqual(new Set(['opened']))
    expect(await codeOf(() => reader.decrypt(forged))).toBe('AUTHENTICATION_FAILED') // now under the cached data key
    expect((await reader.decrypt(sealed)).plaintext).toEqual(pattern(9))
  })

  test('keep their entry, though the key makes all of its own in the same memory', async () => {
    const keys = memoryKeys()
    const unable = (): never => expect.unreachable('a memory key generates')
    const memory = Buffer.alloc(1000)
    const frugal: KeyProvider = {
      ...keys,
      async generateDataKey(request, options) {
        const { dataKey, entry } = (await keys.generateDataKey?.(request, options)) ?? unable()
        memory.set(entry.ciphertext)
        return { dataKey, entry: { ...entry, ciphertext: memory.subarray(0, entry.ciphertext.length) } }
      },
    }
    const sealer = cached(frugal)
    for (const tenant of ['a', 'b']) await sealer.encrypt(pattern(9), { context: { tenant } })
    const sealed = await sealer.encrypt(pattern(9), { context: { tenant: 'a' } })
    expect((await createEnvelope({ keys }).decrypt(sealed)).plaintext).toEqual(pattern(9))
  })

  test('are refreshed from what was theirs, though the memory that they were in is used again', async () => {
    const clock = fakeClock()
    const [main, spare] = [memoryKeys({ name: 'main', clock }), memoryKeys({ name: 'spare', clock })]
    const keys = anyOf(main, spare)
    const [first, second] = await many(2, () => createEnvelope({ keys }).encrypt(pattern(9)))
    const reader = createEnvelope({ keys, clock, ...cacheOf({ maxAgeMs: 1000 }) })
    await reader.decrypt(first ?? pattern(0))
    clock.advance(850)
    main.fail('UNAVAILABLE') // so that the refresh goes on to the other entry after the call has settled
    const memory = Uint8Array.from(first ?? [])
    await reader.decrypt(memory)
    memory.set(second ?? [])
    await clock.advanceAsync(200)
    const before = spare.calls.length
    expect((await reader.decrypt(first ?? pattern(0))).plaintext).toEqual(pattern(9))
    expect([before, spare.calls.length]).toEqual([3, 3])
  })

  test('whose reader has left do not have another one in their memory opened for those who wait', async () => {
    const clock = fakeClock()
    const [main, spare] = [memoryKeys({ name: 'main', clock }), memoryKeys({ name: 'spare', clock })]
    const keys = anyOf(main, spare)
    const [first, second] = await many(2, () => createEnvelope({ keys }).encrypt(pattern(9)))
    const reader = createEnvelope({ keys, clock, ...cacheOf() })
    main.hang()
    const memory = Uint8Array.from(first ?? [])
    const caller = new AbortController()
    const leaves = codeOf(() => reader.decrypt(memory, { signal: caller.signal }))
    const waits = reader.decrypt(first ?? pattern(0))
    caller.abort()
    expect(await leaves).toBe('ABORTED')
    memory.set(second ?? [])
    await clock.advanceAsync(300) // the hedge: the other entry is asked for
    expect((await waits).plaintext).toEqual(pattern(9))
  })

  test('that are forged fail no genuine one behind them either while another recipient does not answer', async () => {
    const { provider } = counted(() => new Promise((resolve) => setImmediate(resolve)))
    const spare = memoryKeys()
    const keys = anyOf(provider, spare)
    const sealed = await createEnvelope({ keys }).encrypt(pattern(9))
    const forged = sealed.slice()
    const tagAt = inspect(sealed).headerLength - 1
    forged[tagAt] = (forged[tagAt] ?? 0) ^ 1
    spare.fail('UNAVAILABLE')
    const reader = createEnvelope({ keys, ...cacheOf() })
    const refused = codeOf(() => reader.decrypt(forged))
    const { plaintext } = await reader.decrypt(sealed)
    expect(await refused).toBe('NO_USABLE_KEY') // AUTHENTICATION_FAILED by the one, UNAVAILABLE by the other
    expect(plaintext).toEqual(pattern(9))
  })
})

describe('the cache is passed by', () => {
  // spec: framework/caching-cmm.md#get-encryption-materials/1
  // spec: framework/caching-cmm.md#get-encryption-materials/7
  // spec: framework/caching-cmm.md#decrypt-materials/1
  // spec: framework/caching-cmm.md#decrypt-materials/7
  test('by suites without key derivation, to seal and to open', async () => {
    const { provider, calls } = counted()
    const envelope = cached(provider, { commitmentPolicy: forbid })
    const sealed = [
      await envelope.encrypt(pattern(9), { suite: 0x0078 }),
      await envelope.encrypt(pattern(9), { suite: 0x0078 }),
    ]
    expect(calls).toEqual(['wrap', 'wrap'])
    const reader = cached(provider, { commitmentPolicy: allow })
    for (const bytes of [...sealed, ...sealed]) await reader.decrypt(bytes)
    expect(calls.slice(2)).toEqual(['unwrap', 'unwrap', 'unwrap', 'unwrap'])
  })

  // spec: client-apis/encrypt.md#get-the-encryption-materials/7
  test('by a stream without a length; one with a length is counted', async () => {
    const { provider, calls } = counted()
    const envelope = cached(provider, cacheOf({ maxBytes: 100 }))
    const seal = async (length: number, options: { readonly length?: number }): Promise<Uint8Array> =>
      new Uint8Array(
        await new Response(
          new Blob([pattern(length)]).stream().pipeThrough(envelope.encryptStream(options)),
        ).arrayBuffer(),
      )
    await seal(10, {})
    await seal(10, {})
    expect(calls.length).toBe(2)
    for (let at = 0; at < 10; at++) await seal(10, { length: 10 })
    expect(calls.length).toBe(3)
    await envelope.encrypt(pattern(1))
    expect(calls.length).toBe(4)
    expect(await codeOf(() => seal(11, { length: 10 }))).toBe('LIMIT_EXCEEDED')
  })

  test('by materials that lack a recipient, so that the next message asks for all of them again', async () => {
    const { provider, calls } = counted()
    let down = true
    const other = counted(async () => {
      if (down) throw new KeyfoldError('UNAVAILABLE', 'down')
    })
    const keys = anyOf([provider, { ...other.provider, name: 'other' }], { require: 1 })
    const envelope = createEnvelope({ keys, ...cacheOf() })
    const entries = async (): Promise<number> => inspect(await envelope.encrypt(pattern(9))).encryptedDataKeys.length
    expect([await entries(), await entries()]).toEqual([1, 1])
    expect([calls.length, other.calls.length]).toEqual([2, 2])
    down = false
    expect([await entries(), await entries()]).toEqual([2, 2])
    expect([calls.length, other.calls.length]).toEqual([3, 3])
  })

  test('by a message of more than maxBytes', async () => {
    const { provider, calls } = counted()
    const envelope = cached(provider, cacheOf({ maxBytes: 100 }))
    await many(3, () => envelope.encrypt(pattern(101)))
    expect(calls.length).toBe(3)
  })
})

describe('a cache', () => {
  test('is private to a keyring object: envelopes with the same one share it, others do not', async () => {
    const { provider, calls } = counted()
    const { cache } = cacheOf()
    const keys = anyOf(provider)
    await createEnvelope({ keys, cache }).encrypt(pattern(9))
    await createEnvelope({ keys, cache }).encrypt(pattern(9))
    expect(calls.length).toBe(1)
    await createEnvelope({ keys: anyOf(provider), cache }).encrypt(pattern(9))
    await createEnvelope({ keys: provider, cache }).encrypt(pattern(9))
    expect(calls.length).toBe(3)
  })

  test('is emptied for its keys by an envelope that is closed', async () => {
    const { provider, calls } = counted()
    const { cache } = cacheOf()
    const keys = anyOf(provider)
    const envelope = createEnvelope({ keys, cache })
    await envelope.encrypt(pattern(9))
    await envelope.close()
    await createEnvelope({ keys, cache }).encrypt(pattern(9))
    expect(calls.length).toBe(2)
  })

  test('is given nothing by a stream of an envelope that was closed meanwhile', async () => {
    const { provider, calls } = counted()
    const { cache } = cacheOf()
    const keys = anyOf(provider)
    const sealed = await createEnvelope({ keys }).encrypt(pattern(9))
    const envelope = createEnvelope({ keys, cache })
    const opening = envelope.decryptStream()
    await envelope.close()
    const { output } = await driveWeb(opening, [sealed])
    expect(output.equals(pattern(9))).toBe(true)
    await createEnvelope({ keys, cache }).decrypt(sealed)
    expect(calls.length).toBe(3)
  })

  test('is given nothing by a load that a closed envelope starts anew, after one that a forged message failed', async () => {
    const provider = memoryKeys()
    const keys = anyOf(provider)
    const { cache } = cacheOf()
    const sealed = await createEnvelope({ keys }).encrypt(pattern(9))
    const forged = sealed.slice()
    forged.set([(forged.at(inspect(sealed).headerLength - 1) ?? 0) ^ 1], inspect(sealed).headerLength - 1)
    const envelope = createEnvelope({ keys, cache })
    provider.hang({ times: 1, operation: 'unwrapDataKey' })
    const outcomes = Promise.allSettled([envelope.decrypt(forged), envelope.decrypt(sealed)])
    await envelope.close()
    provider.recover()
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    await createEnvelope({ keys, cache }).decrypt(sealed)
    expect(provider.calls.filter(({ operation }) => operation === 'unwrapDataKey').length).toBe(3)
  })

  test('opens nothing that another envelope may and this one may not', async () => {
    const { provider } = counted()
    const keys = anyOf({ ...provider, authenticatesWriter: false })
    const { cache } = cacheOf()
    const sealed = await createEnvelope({ keys, cache }).encrypt(pattern(9))
    await createEnvelope({ keys, cache }).decrypt(sealed)
    const strict = createEnvelope({ keys, cache, requireAuthenticatedWriter: true })
    expect(await codeOf(() => strict.decrypt(sealed))).toBe('POLICY_VIOLATION')
  })

  test('is told of: each call that it spared, in the direction that it spared it', async () => {
    const events: KeyfoldEvent[] = []
    const { provider } = counted()
    const envelope = cached(provider, { observe: (event) => void events.push(event) })
    const sealed = await many(3, () => envelope.encrypt(pattern(9)))
    await many(3, (at) => envelope.decrypt(sealed[at] ?? pattern(0)))
    const types = events.map((event) =>
      event.type === 'data-key-reused' ? `${event.type} ${event.direction}` : event.type,
    )
    const count = (type: string): number => types.filter((other) => other === type).length
    expect([count('data-key-generated'), count('data-key-reused seal')]).toEqual([1, 2])
    expect([count('data-key-unwrapped'), count('data-key-reused open')]).toEqual([1, 2])
    expect([count('message-sealed'), count('message-opened')]).toEqual([3, 3])
  })

  test('is refused where dataKeyCache did not make it', async () => {
    const { provider } = counted()
    const made = { clear: () => undefined }
    expect(await codeOf(() => createEnvelope({ keys: provider, cache: made }))).toBe('INVALID_ARGUMENT')
  })
})
