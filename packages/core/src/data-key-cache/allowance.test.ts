import { describe, expect, test } from 'vitest'
import { codeOf } from '../refusal.test-support.ts'
import { setUp, times } from './fixtures.test-support.ts'

describe('maxMessages', () => {
  // spec: framework/caching-cmm.md#limit-messages/2
  // spec: framework/caching-cmm.md#usage-stats/1
  // spec: framework/caching-cmm.md#usage-stats/2
  // spec: framework/cryptographic-materials-cache.md#cache-entry/1
  test('holds for messages one after the other: 10000 of 100 each are 100 loads', async () => {
    const { use, keys } = setUp({ maxMessages: 100 })
    const served = new Map<number, number>()
    for (let message = 0; message < 10_000; message++) {
      const load = await use()
      served.set(load, (served.get(load) ?? 0) + 1)
    }
    expect([...new Set(served.values())]).toEqual([100])
    expect([keys.loads.length, keys.alive()]).toEqual([100, 0])
  })

  // spec: framework/cryptographic-materials-cache.md#usage-metadata/1
  test('holds for messages all at once: 10000 of 100 each are 100 loads', async () => {
    const { use, keys } = setUp({ maxMessages: 100 }, 'waits')
    const waiting = times(10_000, () => use())
    for (const load of keys.loads) load.land()
    const loads = await Promise.all(waiting)
    for (const load of new Set(loads)) expect(loads.filter((other) => other === load).length).toBe(100)
    expect([keys.loads.length, keys.alive()]).toEqual([100, 0])
  })

  // spec: framework/cryptographic-materials-cache.md#put-cache-entry/3
  test('holds where some come while others wait and others after', async () => {
    const { use, keys } = setUp({ maxMessages: 3 }, 'waits')
    const waiting = [use(), use()]
    keys.loads[0]?.land()
    expect(await Promise.all(waiting)).toEqual([1, 1])
    expect(await use()).toBe(1)
    expect(keys.alive()).toBe(0)
    const next = use()
    keys.loads[1]?.land()
    expect(await next).toBe(2)
  })

  test('counts a message that was given up, or refused its key', async () => {
    const { take, use, keys } = setUp({ maxMessages: 2 }, 'waits')
    const caller = new AbortController()
    const [stays, leaves] = [use(), codeOf(() => take({ signal: caller.signal }))]
    caller.abort()
    expect(await leaves).toBe('ABORTED')
    const next = use()
    expect(keys.loads.length).toBe(2)
    for (const load of keys.loads) load.land()
    expect(await Promise.all([stays, next])).toEqual([1, 2])
  })

  test('of one makes a data key for each message, and none is held', async () => {
    const { use, keys, clock } = setUp({ maxMessages: 1 })
    for (const load of [1, 2, 3]) expect(await use()).toBe(load)
    expect([keys.alive(), clock.pending]).toEqual([0, 0])
  })
})

describe('maxBytes', () => {
  test.each([
    ['one after the other', false],
    ['at once', true],
  ])('holds for messages %s', async (_, atOnce) => {
    const { use, keys } = setUp({ maxBytes: 100 }, 'waits')
    const lengths = [60, 40, 0, 1, 99, 100, 50, 51, 49, 0]
    const expected = [1, 1, 1, 2, 2, 3, 4, 5, 5, 5]
    const loads: number[] = []
    if (atOnce) {
      const waiting = lengths.map((bytes) => use({ bytes }))
      for (const load of keys.loads) load.land()
      loads.push(...(await Promise.all(waiting)))
    } else {
      for (const bytes of lengths) {
        const waiting = use({ bytes })
        keys.loads.at(-1)?.land()
        loads.push(await waiting)
      }
    }
    expect(loads).toEqual(expected)
  })

  test('leaves a longer message to a data key of its own, which nobody shares and nothing keeps', async () => {
    const { use, keys } = setUp({ maxBytes: 100 }, 'waits')
    const waiting = [use({ bytes: 101 }), use({ bytes: 101 }), use({ bytes: 100 })]
    for (const load of keys.loads) load.land()
    expect(await Promise.all(waiting)).toEqual([1, 2, 3])
    expect(keys.alive()).toBe(1)
    const late = use({ bytes: 101 })
    keys.loads[3]?.land()
    expect(await late).toBe(4)
    expect(keys.alive()).toBe(1)
  })

  test('counts every byte that a message reserved', async () => {
    const { use, keys } = setUp({ maxBytes: 10 })
    for (const bytes of [4, 4, 3]) await use({ bytes })
    expect(keys.loads.length).toBe(2)
  })
})

test('opening counts nothing', async () => {
  const { use, keys } = setUp({ maxMessages: 1, maxBytes: 1 })
  const served = await Promise.all(times(100, () => use({ direction: 'open', bytes: 1000 })))
  for (let message = 0; message < 100; message++) served.push(await use({ direction: 'open', bytes: 1000 }))
  expect([...new Set(served)]).toEqual([1])
  expect(keys.loads.length).toBe(1)
})

describe('maxEntries', () => {
  test('bounds the data keys held: the one not used for longest gives way and is wiped', async () => {
    const { cache, use, keys, clock } = setUp({ maxEntries: 2 })
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await use({ key })
    expect(keys.loads.length).toBe(4)
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([false, true, true, false])
    expect(clock.pending).toBe(2)
    cache.clear()
    expect(keys.alive()).toBe(0)
  })

  test('is 1000 by default, of all keyrings together', async () => {
    const { use, keys } = setUp()
    for (let key = 0; key < 1001; key++) await use({ key: `${key}` })
    expect(keys.alive()).toBe(1000)
    expect(await use({ key: '1' })).toBe(2)
    expect(await use({ key: '0' })).toBe(1002)
  })
})
