import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { fakeClock } from '../testing/index.ts'
import { partitionOf } from './data-key-cache.ts'
import { release, settled, setUp } from './fixtures.test-support.ts'

describe('a data key', () => {
  // spec: framework/cryptographic-materials-cache.md#time-to-live-ttl/1
  // spec: framework/cryptographic-materials-cache.md#time-to-live-ttl/2
  // spec: framework/cryptographic-materials-cache.md#get-cache-entry/1
  test.each(['seal', 'open'] as const)('serves to %s until its age ends, and not at it', async (direction) => {
    const { use, take, clock, keys } = setUp({ maxAgeMs: 1000 }, 'waits')
    const first = use({ direction })
    keys.loads[0]?.land()
    await first
    clock.advance(999)
    const last = take({ direction })
    expect(last).not.toBeInstanceOf(Promise)
    release((await last).dataKey)
    keys.loads[1]?.fail(new KeyfoldError('UNAVAILABLE', 'no refresh'))
    await settled()
    clock.setWall(clock.now() + 1) // fires no timer
    const late = use({ direction })
    keys.loads[2]?.land()
    expect(await late).toBe(3)
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([true, false])
  })

  test('is as old as its load, from when that was started', async () => {
    const { use, clock, keys } = setUp({ maxAgeMs: 1000 }, 'waits')
    const first = use()
    clock.advance(700)
    keys.loads[0]?.land()
    await first
    clock.advance(299)
    expect([await use(), keys.alive()]).toEqual([1, 1])
    clock.advance(1)
    expect(keys.alive()).toBe(0)
  })

  test.each([1000, 1001])('that took its age to load serves who waited, and nobody later (%d ms)', async (ms) => {
    const { use, clock, keys } = setUp({ maxAgeMs: 1000 }, 'waits')
    const waited = [use(), use(), use({ key: 'l' })]
    clock.advance(ms)
    const late = use()
    expect(keys.loads.length).toBe(3)
    for (const load of keys.loads) load.land()
    expect(await Promise.all([...waited, late])).toEqual([1, 1, 2, 3])
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([true, true, false])
    expect(clock.pending).toBe(1)
  })

  // spec: framework/cryptographic-materials-cache.md#background-processing/1
  test('that nobody uses any more is wiped when its age ends', async () => {
    const { use, clock, keys } = setUp({ maxAgeMs: 1000 })
    await use()
    await use({ direction: 'open' })
    clock.advance(999)
    expect([keys.alive(), clock.pending]).toEqual([2, 2])
    clock.advance(1)
    expect([keys.alive(), clock.pending]).toEqual([0, 0])
    expect(keys.bytes).toEqual([new Uint8Array(32), new Uint8Array(32)])
  })

  test('goes by the clock that it was loaded under', async () => {
    const { use, clock, keys } = setUp({ maxAgeMs: 1000 })
    await use()
    const other = fakeClock({ wall: 50_000_000, monotonic: 50_000_000 })
    expect(await use({ clock: other })).toBe(1)
    clock.setWall(clock.now() + 1000)
    expect(await use({ clock: other })).toBe(2)
    expect(keys.loads.length).toBe(2)
  })
})

describe('of the two clocks', () => {
  test.each([
    ['the monotonic one stands still', 0, 1000],
    ['the wall clock stands still', 1000, -1000],
    ['the wall clock is set back', 1000, -2500],
    ['the wall clock goes ahead', 500, 500],
  ])('the one that says more counts, where %s', async (_, bothMs, wallMs) => {
    const { use, clock } = setUp({ maxAgeMs: 1000 })
    await use({ clock: { ...clock, schedule: () => () => undefined } }) // without the timer: uses check for themselves
    clock.advance(bothMs)
    clock.setWall(clock.now() + wallMs + 1)
    clock.setWall(clock.now() - 1)
    expect(await use()).toBe(2)
  })

  test.each([
    ['wall clock', 100, -100],
    ['monotonic clock', 0, 100],
  ])('a %s that stands still all the time lets nothing be used past its age', async (_, bothMs, wallMs) => {
    const { use, clock } = setUp({ maxAgeMs: 1000 })
    const untimed = { ...clock, schedule: () => () => undefined }
    await use({ clock: untimed })
    const unavailable = async (): Promise<never> => {
      throw new KeyfoldError('UNAVAILABLE', 'no other data key')
    }
    const used: (number | string)[] = []
    for (let ms = 0; ms < 1500; ms += 100) {
      used.push(await use({ clock: untimed, load: unavailable }).catch(({ code }) => code))
      clock.advance(bothMs)
      clock.setWall(clock.now() + wallMs)
    }
    expect(used).toEqual([...Array(10).fill(1), ...Array(5).fill('UNAVAILABLE')])
  })

  test.each([
    ['ahead', 2001],
    ['back', -2001],
  ])('a step of more than two seconds %s drops the whole cache', async (_, ms) => {
    const { use, cache, clock, keys } = setUp({ maxAgeMs: 1_000_000 })
    const other = partitionOf(cache, { providers: [] })
    const request = { key: 'k', direction: 'open', bytes: 0, signal: undefined, clock, load: keys.load } as const
    const { dataKey } = await other.take(request)
    dataKey[Symbol.dispose]()
    await use()
    await use({ key: 'l' })
    clock.setWall(clock.now() + Math.sign(ms) * 2000)
    expect(await use()).toBe(2)
    expect(keys.alive()).toBe(3)
    clock.setWall(clock.now() + Math.sign(ms))
    expect(await use()).toBe(4)
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([true, true, true, false])
    expect(clock.pending).toBe(1)
  })

  test('a step while a load is under way leaves it to those who wait already', async () => {
    const { use, clock, keys } = setUp({ maxAgeMs: 1_000_000 }, 'waits')
    const [before, unasked] = [use(), use({ key: 'l' })]
    clock.setWall(clock.now() + 3000)
    const after = use()
    expect(keys.loads.length).toBe(3)
    for (const load of keys.loads) load.land()
    expect(await Promise.all([before, unasked, after])).toEqual([1, 2, 3])
    expect(keys.dataKeys.map(({ released }) => released)).toEqual([true, true, false])
  })

  test('one that gives no number makes nothing last', async () => {
    const { use, clock, keys } = setUp()
    const broken = { ...clock, now: () => Number.NaN }
    expect([await use({ clock: broken }), await use({ clock: broken })]).toEqual([1, 2])
    expect([keys.alive(), clock.pending]).toEqual([0, 0])
  })
})
