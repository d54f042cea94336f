import { describe, expect, test } from 'vitest'
import { anyOf } from '../keys/any-of.ts'
import { providerOf } from '../keys/doubles.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { checkCacheOptions } from './cache-limits.ts'
import { type DataKeyCache, dataKeyCache, partitionOf } from './data-key-cache.ts'
import { setUp } from './fixtures.test-support.ts'

describe('the options', () => {
  // spec: framework/caching-cmm.md#initialization/1
  // spec: framework/caching-cmm.md#cache-limit-ttl/1
  test('must have an age, which is positive and ends', async () => {
    for (const maxAgeMs of [undefined, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
      const error = await refusal(() => dataKeyCache({ maxAgeMs: maxAgeMs as number }))
      expect([error.code, error.message]).toEqual([
        'INVALID_ARGUMENT',
        'dataKeyCache: maxAgeMs: expected a positive number of milliseconds',
      ])
    }
    for (const maxAgeMs of [Number.MIN_VALUE, 1, Number.MAX_VALUE]) dataKeyCache({ maxAgeMs })
  })

  // spec: framework/caching-cmm.md#initialization/4
  test.each([
    ['maxMessages', 2 ** 32],
    ['maxBytes', Number.MAX_SAFE_INTEGER],
    ['maxEntries', 1_000_000],
  ])('may have %s, a whole number from 1 to %d', async (name, most) => {
    for (const count of [0, -1, 1.5, most + 1, Number.NaN, Number.POSITIVE_INFINITY, '1', null, 1n]) {
      expect(await codeOf(() => dataKeyCache({ maxAgeMs: 1, [name]: count }))).toBe('INVALID_ARGUMENT')
    }
    dataKeyCache({ maxAgeMs: 1, [name]: 1 })
    dataKeyCache({ maxAgeMs: 1, [name]: undefined })
    if (name !== 'maxEntries') dataKeyCache({ maxAgeMs: 1, [name]: most })
  })

  // spec: framework/caching-cmm.md#limit-messages/1
  // spec: framework/caching-cmm.md#limit-bytes/1
  test('are 2^32 messages, 2^53 - 1 bytes and 1000 entries where they do not say', () => {
    const [maxMessages, maxBytes] = [4_294_967_296, 9_007_199_254_740_991]
    expect(checkCacheOptions({ maxAgeMs: 5 })).toEqual({ maxAgeMs: 5, maxMessages, maxBytes, maxEntries: 1000 })
  })

  test('have no name that is not known', async () => {
    expect(await codeOf(() => dataKeyCache({ maxAgeMs: 1, maxAge: 2 } as never))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => dataKeyCache(undefined as never))).toBe('INVALID_ARGUMENT')
  })
})

describe('a cache', () => {
  test('is only what dataKeyCache made', async () => {
    const { keyring, cache } = setUp()
    for (const other of [{ clear: () => undefined }, { ...cache }, Object.create(cache), undefined, null, 'cache']) {
      expect(await codeOf(() => partitionOf(other as DataKeyCache, keyring))).toBe('INVALID_ARGUMENT')
    }
  })

  // spec: framework/caching-cmm.md#underlying-cryptographic-materials-cache/1
  // spec: framework/caching-cmm.md#partition-id/1
  test('keeps what two keyrings loaded apart, even with the same keys in them', async () => {
    const { clock, keys } = setUp()
    const cache = dataKeyCache({ maxAgeMs: 1000 })
    const provider = providerOf('p', {})
    // Twelve, so that one's number starts with another's.
    const partitions = Array.from({ length: 12 }, () => partitionOf(cache, anyOf(provider)))
    const request = { key: 'k', direction: 'seal', bytes: 1, signal: undefined, clock, load: keys.load } as const
    for (const round of [1, 2]) {
      const loads: number[] = []
      for (const partition of partitions) loads.push((await partition.take(request)).load)
      expect([round, loads]).toEqual([round, partitions.map((_, index) => index + 1)])
    }
    partitions[0]?.clear()
    expect((await partitions[0]?.take(request))?.load).toBe(13)
    expect((await partitions[10]?.take(request))?.load).toBe(11)
  })

  // spec: framework/caching-cmm.md#partition-id/2
  test('shares what one keyring loaded among all who have the same cache and keyring objects', async () => {
    const { cache, keyring, partition } = setUp()
    expect(partitionOf(cache, keyring)).toBe(partition)
    expect(partitionOf(dataKeyCache({ maxAgeMs: 1 }), keyring)).not.toBe(partition)
  })

  // spec: framework/caching-cmm.md#get-encryption-materials/2
  // spec: framework/caching-cmm.md#get-encryption-materials/4
  // spec: framework/caching-cmm.md#get-encryption-materials/5
  // spec: framework/caching-cmm.md#get-encryption-materials/6
  // spec: framework/caching-cmm.md#decrypt-materials/2
  // spec: framework/caching-cmm.md#decrypt-materials/4
  // spec: framework/caching-cmm.md#decrypt-materials/5
  // spec: framework/caching-cmm.md#decrypt-materials/6
  // spec: framework/cryptographic-materials-cache.md#put-cache-entry/1
  test('loads once for each key and direction, and then answers without a promise or a timer', async () => {
    const { take, keys, clock } = setUp()
    const requests = [
      { key: 'k', direction: 'seal' },
      { key: 'l', direction: 'seal' },
      { key: 'k', direction: 'open' },
      { key: 'l', direction: 'open' },
    ] as const
    for (const request of requests) await take(request)
    for (const request of [...requests, ...requests]) {
      const taken = take(request)
      expect(taken).not.toBeInstanceOf(Promise)
      expect((await taken).load).toBe(requests.findIndex((one) => Object.is(one, request)) + 1)
    }
    expect([keys.loads.length, clock.pending]).toEqual([4, 4])
  })

  test('does not keep materials that lack a recipient: they serve who waited, and nobody later', async () => {
    const { take, use, keys, clock } = setUp({}, 'waits')
    const waiting = [use(), use(), use({ direction: 'open' })]
    for (const load of keys.loads) load.land(false)
    expect(await Promise.all(waiting)).toEqual([1, 1, 2])
    expect([keys.alive(), clock.pending]).toEqual([0, 0])
    expect(take()).toBeInstanceOf(Promise)
    expect(keys.loads.length).toBe(3)
  })

  test('that is cleared loads anew, as often as it is cleared', async () => {
    const { cache, partition, use, keys, clock } = setUp()
    for (const clear of [() => cache.clear(), () => partition.clear(), () => undefined]) {
      await use()
      await use({ key: 'l' })
      clear()
      clear()
    }
    expect([keys.loads.length, clock.pending]).toEqual([6, 2])
  })
})
