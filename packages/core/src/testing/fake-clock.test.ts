import { describe, expect, test } from 'vitest'
import { codeOf } from '../refusal.test-support.ts'
import { fakeClock } from './fake-clock.ts'

const start = 1_700_000_000_000

/** A clock, and what it says at each timer of the given delays. */
function timed(...delaysMs: readonly number[]) {
  const clock = fakeClock()
  const fired: { readonly delayMs: number; readonly wall: number; readonly monotonic: number }[] = []
  const add = (delayMs: number) =>
    clock.schedule(delayMs, () => {
      fired.push({ delayMs, wall: clock.now() - start, monotonic: clock.monotonic() })
    })
  return { clock, fired, add, cancels: delaysMs.map(add) }
}

describe('a fake clock', () => {
  test('stands still until it is moved, and then moves both clocks', () => {
    const clock = fakeClock()
    expect([clock.now(), clock.monotonic()]).toEqual([start, 0])
    clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([start + 250, 250])
    const started = fakeClock({ wall: 5, monotonic: 7 })
    expect([started.now(), started.monotonic()]).toEqual([5, 7])
  })

  test('fires timers in the order of their time, of one time in the order of their making, each at its time', () => {
    const { clock, fired, add } = timed(30, 10, 20)
    const sequence: string[] = []
    clock.schedule(15, () => sequence.push('first'))
    clock.schedule(15, () => sequence.push('second'))
    add(40.5)
    clock.advance(40)
    expect(fired).toEqual([10, 20, 30].map((ms) => ({ delayMs: ms, wall: ms, monotonic: ms })))
    expect(sequence).toEqual(['first', 'second'])
    expect([clock.monotonic(), clock.pending]).toEqual([40, 1])
  })

  test('fires a timer neither before its time nor twice', () => {
    const { clock, fired } = timed(10)
    clock.advance(9)
    expect(fired).toEqual([])
    clock.advance(1)
    clock.advance(100)
    expect(fired).toHaveLength(1)
  })

  test('fires what a callback adds within the span, and keeps what it adds beyond', () => {
    const clock = fakeClock()
    const ticks: number[] = []
    const tick = (): void => {
      ticks.push(clock.monotonic())
      clock.schedule(10, tick)
    }
    clock.schedule(10, tick)
    clock.advance(35)
    expect(ticks).toEqual([10, 20, 30])
    expect(clock.pending).toBe(1)
  })

  test('fires what is due now when it advances by nothing, and never what has no delay by itself', () => {
    const { clock, fired, add } = timed(0, -5)
    expect(fired).toEqual([])
    clock.advance(0)
    expect(fired.map(({ delayMs, monotonic }) => [delayMs, monotonic])).toEqual([
      [0, 0],
      [-5, 0],
    ])
    add(Number.POSITIVE_INFINITY)
    clock.advance(1e12)
    expect([fired.length, clock.pending]).toEqual([2, 1])
  })

  test('never fires a cancelled timer, and cancels late or twice without harm', () => {
    const { clock, fired, cancels } = timed(10, 20)
    clock.schedule(5, () => cancels[0]?.())
    cancels[1]?.()
    cancels[1]?.()
    expect(clock.pending).toBe(2)
    clock.advance(50)
    cancels[0]?.()
    expect([fired, clock.pending]).toEqual([[], 0])
  })

  test('moves the time of day alone as in a suspend: no timer fires', () => {
    const { clock, fired } = timed(10)
    clock.advance(1000, 'wall')
    expect([clock.now() - start, clock.monotonic(), fired]).toEqual([1000, 0, []])
    clock.advance(10)
    expect(fired).toEqual([{ delayMs: 10, wall: 1010, monotonic: 10 }])
  })

  test('moves the monotonic clock alone, timers with it', () => {
    const { clock, fired } = timed(10)
    clock.advance(1000, 'monotonic')
    expect([clock.now() - start, clock.monotonic()]).toEqual([0, 1000])
    expect(fired).toEqual([{ delayMs: 10, wall: 0, monotonic: 10 }])
  })

  test('sets the time of day forwards and back, and fires nothing', () => {
    const { clock, fired } = timed(10)
    clock.setWall(start + 5000)
    clock.setWall(7)
    expect([clock.now(), clock.monotonic(), fired]).toEqual([7, 0, []])
  })

  test('never goes back when a callback advances it further', () => {
    const { clock, fired } = timed(20, 60)
    clock.schedule(10, () => clock.advance(40))
    clock.advance(30)
    expect(fired).toEqual([{ delayMs: 20, wall: 20, monotonic: 20 }])
    expect([clock.now() - start, clock.monotonic()]).toEqual([50, 50])
  })

  test('throws what a callback throws, and goes on from there', () => {
    const { clock, fired } = timed(20)
    clock.schedule(10, () => {
      throw new Error('callback')
    })
    expect(() => clock.advance(30)).toThrow('callback')
    expect([clock.monotonic(), clock.pending]).toEqual([10, 1])
    clock.advance(10)
    expect(fired).toHaveLength(1)
  })

  test('lets promises settle before each timer, and after the last', async () => {
    const clock = fakeClock()
    const steps: number[] = []
    const sleep = (ms: number) => new Promise<void>((resolve) => void clock.schedule(ms, resolve))
    const work = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await undefined
      for (const ms of [10, 10, 10]) {
        await sleep(ms)
        steps.push(clock.monotonic())
      }
      await sleep(100)
    }
    void work()
    await clock.advanceAsync(30)
    expect(steps).toEqual([10, 20, 30])
    expect([clock.now() - start, clock.monotonic(), clock.pending]).toEqual([30, 30, 1])
  })

  test('refuses what is no span of time, and no time', async () => {
    const clock = fakeClock()
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as never]) {
      expect(await codeOf(() => clock.advance(ms)), String(ms)).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => clock.advance(ms, 'wall')), String(ms)).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => clock.advanceAsync(ms)), String(ms)).toBe('INVALID_ARGUMENT')
    }
    expect(await codeOf(() => clock.setWall(Number.NaN))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => clock.schedule(Number.NaN, () => undefined))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => fakeClock({ wall: Number.NaN }))).toBe('INVALID_ARGUMENT')
    // What plain JavaScript may pass.
    expect(await codeOf(() => clock.advance(1, 'walls' as never))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => fakeClock({ now: 5 } as never))).toBe('INVALID_ARGUMENT')
    expect([clock.now(), clock.monotonic()]).toEqual([start, 0])
  })
})
