import { describe, expect, test } from 'vitest'
import { release, settled, setUp, times } from './fixtures.test-support.ts'

describe('a data key', () => {
  test('is wiped by whoever uses it last: the cache or a message', async () => {
    const { take, cache, keys } = setUp()
    const taken = [await take(), await take()]
    cache.clear()
    for (const { dataKey } of taken) {
      expect(dataKey.bytes).toEqual(new Uint8Array(32).fill(1))
      release(dataKey)
    }
    expect(keys.bytes).toEqual([new Uint8Array(32)])
    const { dataKey } = await take()
    release(dataKey)
    expect(dataKey.released).toBe(false)
    cache.clear()
    expect(keys.bytes).toEqual([new Uint8Array(32), new Uint8Array(32)])
  })

  test('lives in every one of 1000 takes under way while all are evicted by clear()', async () => {
    const { cache, take, keys, clock } = setUp({}, 'waits')
    const waiting = times(1000, (index) => take({ key: `${index % 10}` }))
    for (const load of keys.loads.slice(0, 5)) load.land()
    cache.clear()
    for (const load of keys.loads.slice(5)) load.land()
    // Each is heard of in a turn of its own, with another eviction in between.
    for (const one of waiting) {
      const { dataKey } = await one
      cache.clear()
      release(dataKey)
    }
    await settled()
    expect([keys.loads.length, keys.alive(), clock.pending]).toEqual([10, 0, 0])
  })

  test('lives in every one of 1000 takes under way while each evicts the one before', async () => {
    const { cache, take, keys, clock } = setUp({ maxEntries: 1 })
    const waiting = times(1000, (index) => take({ key: `${index}` }))
    for (const one of waiting) release((await one).dataKey)
    expect(keys.alive()).toBe(1)
    cache.clear()
    expect([keys.loads.length, keys.alive(), clock.pending]).toEqual([1000, 0, 0])
  })

  test('that arrives after its partition was cleared serves who waited and is not kept', async () => {
    for (const direction of ['seal', 'open'] as const) {
      const { partition, use, keys, clock } = setUp({}, 'waits')
      const waiting = [use({ direction }), use({ direction })]
      partition.clear()
      const after = use({ direction })
      expect(keys.loads.length).toBe(2)
      keys.loads[1]?.land()
      keys.loads[0]?.land()
      expect(await Promise.all([...waiting, after])).toEqual([1, 1, 2])
      expect(keys.dataKeys.map(({ released }) => released)).toEqual([false, true])
      expect([await use({ direction }), clock.pending]).toEqual([2, 1])
    }
  })

  test('is lent: what one message does not release, clear() does not take from it', async () => {
    const { cache, take, keys } = setUp()
    const held = await Promise.all(times(10, () => take()))
    cache.clear()
    expect(keys.alive()).toBe(1)
    for (const { dataKey } of held.slice(1)) dataKey[Symbol.dispose]()
    expect(held[0]?.dataKey.bytes[0]).toBe(1)
    held[0]?.dataKey[Symbol.dispose]()
    expect(keys.alive()).toBe(0)
  })
})
