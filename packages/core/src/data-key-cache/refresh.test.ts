import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { refusal } from '../refusal.test-support.ts'
import { settled, setUp, times } from './fixtures.test-support.ts'

describe('a refresh', () => {
  /** With the first data key in the cache, at an age. */
  async function warm(ageMs: number, options = {}) {
    const all = setUp({ maxAgeMs: 1000, ...options }, 'waits')
    const first = all.use()
    all.keys.loads[0]?.land()
    await first
    all.clock.advance(ageMs)
    return all
  }

  test('is started by a use in the last fifth of the age, and not before', async () => {
    const { use, take, clock, keys } = await warm(799)
    expect([await use(), keys.loads.length]).toEqual([1, 1])
    clock.advance(1)
    const taken = take()
    expect(taken).not.toBeInstanceOf(Promise)
    expect([(await taken).load, keys.loads.length]).toEqual([1, 2])
    ;(await taken).dataKey[Symbol.dispose]()
    keys.loads[1]?.land()
    await settled()
    expect([await use(), keys.loads.length]).toEqual([2, 2])
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([true, false])
    clock.advance(200)
    expect([await use(), keys.loads.length]).toEqual([2, 2])
  })

  test('is not started by a timer', async () => {
    const { clock, keys } = await warm(0)
    for (let ms = 0; ms < 2000; ms++) clock.advance(1)
    await settled()
    expect([keys.loads.length, keys.alive(), clock.pending]).toEqual([1, 0, 0])
  })

  test('is not started by a spent allowance', async () => {
    const { use, keys } = await warm(800, { maxMessages: 2 })
    expect([await use(), keys.loads.length]).toEqual([1, 1])
    const next = use()
    keys.loads[1]?.land()
    expect([await next, keys.loads.length]).toEqual([2, 2])
  })

  test('is one, however many use the old data key meanwhile', async () => {
    const { use, keys, clock } = await warm(800)
    for (let message = 0; message < 100; message++) expect(await use()).toBe(1)
    clock.advance(100)
    expect([await use(), keys.loads.length]).toEqual([1, 2])
  })

  test('that fails leaves the old data key to the end of its age, and is tried once in a twentieth of that', async () => {
    const { use, take, clock, keys } = await warm(800)
    for (let ms = 800; ms < 1000; ms++) {
      expect(await use()).toBe(1)
      keys.loads.at(-1)?.fail(new KeyfoldError('UNAVAILABLE', 'down')) // an unhandled rejection would fail the run
      await settled()
      clock.advance(1)
    }
    expect(keys.loads.length).toBe(1 + 4)
    const last = refusal(() => take())
    keys.loads.at(-1)?.fail(new KeyfoldError('UNAVAILABLE', 'still'))
    expect((await last).message).toBe('still')
  })

  test('without a recipient is not kept either', async () => {
    const { use, keys } = await warm(800)
    await use()
    keys.loads[1]?.land(false)
    await settled()
    expect([await use(), keys.loads.length]).toEqual([1, 2])
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([false, true])
  })

  test('is joined by who finds the old data key spent or over its age, and goes on when he leaves', async () => {
    for (const [options, ms] of [
      [{ maxMessages: 3 }, 0],
      [{}, 200],
    ] as const) {
      const { use, take, clock, keys } = await warm(800, options)
      await use()
      if (ms === 0) await use()
      clock.advance(ms)
      const caller = new AbortController()
      const leaves = refusal(() => take({ signal: caller.signal }))
      caller.abort()
      expect((await leaves).code).toBe('ABORTED')
      expect(keys.loads[1]?.signal.aborted).toBe(false)
      const joins = use()
      keys.loads[1]?.land()
      expect([await joins, keys.loads.length]).toEqual([2, 2])
    }
  })

  test('is given up when it has served its turn and all who waited for it have left', async () => {
    const { use, take, keys } = await warm(800, { maxMessages: 3 })
    await use()
    await use()
    const caller = new AbortController()
    const leave = times(3, () => refusal(() => take({ signal: caller.signal })))
    const next = use() // the refresh has no message left for it
    expect([keys.loads.length, keys.loads[1]?.signal.aborted]).toEqual([3, false])
    caller.abort()
    await Promise.all(leave)
    expect(keys.loads[1]?.signal.aborted).toBe(true)
    keys.loads[2]?.land()
    expect(await next).toBe(3)
  })

  test('that nobody waits for ends with clear(), and one that somebody waits for does not', async () => {
    const { use, cache, clock, keys } = await warm(800, { maxMessages: 3 })
    await use()
    cache.clear()
    expect(keys.loads[1]?.signal.aborted).toBe(true)
    keys.loads[1]?.land()
    await settled()
    expect([keys.alive(), clock.pending]).toEqual([0, 0])

    const again = await warm(800, { maxMessages: 2 })
    void again.use({ key: 'l' }).catch(() => undefined)
    again.cache.clear()
    expect(again.keys.loads[1]?.signal.aborted).toBe(false)
  })
})
