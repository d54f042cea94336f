import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from './clock.ts'

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
  afterEach(() => void vi.useRealTimers())

  test('tells the time of day, and a time that only grows', () => {
    const [now, monotonic] = [systemClock.now(), systemClock.monotonic()]
    expect(now).toBe(1_000_000)
    vi.advanceTimersByTime(250)
    expect([systemClock.now() - now, systemClock.monotonic() - monotonic]).toEqual([250, 250])
    vi.setSystemTime(5)
    expect(systemClock.now()).toBe(5)
    expect(systemClock.monotonic() - monotonic).toBeGreaterThanOrEqual(250)
  })

  test('calls back once, after the delay and not before', () => {
    const callback = vi.fn()
    systemClock.schedule(100, callback)
    vi.advanceTimersByTime(99)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    vi.advanceTimersByTime(1000)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  test('calls nobody who has cancelled, and cancels late or twice without harm', () => {
    const callback = vi.fn()
    const cancel = systemClock.schedule(100, callback)
    cancel()
    cancel()
    vi.advanceTimersByTime(1000)
    expect(callback).not.toHaveBeenCalled()
    const cancelLate = systemClock.schedule(100, callback)
    vi.advanceTimersByTime(100)
    cancelLate()
    expect(callback).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  // setTimeout fires at once for more than 2^31 − 1 ms.
  test.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 60 * 86_400_000])('waits %i ms, past what one timer can', (delayMs) => {
    const callback = vi.fn()
    systemClock.schedule(delayMs, callback)
    vi.advanceTimersByTime(delayMs - 1)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  test('cancels a long wait in its second part', () => {
    const callback = vi.fn()
    const cancel = systemClock.schedule(2 ** 32, callback)
    vi.advanceTimersByTime(2 ** 31 + 5)
    cancel()
    vi.advanceTimersByTime(2 ** 33)
    expect(callback).not.toHaveBeenCalled()
  })
})

test('a timer of the system clock does not hold the process open', () => {
  const clock = new URL('./clock.ts', import.meta.url).href
  const code = `const { systemClock } = await import(${JSON.stringify(clock)}); systemClock.schedule(60_000, () => {})`
  const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { timeout: 20_000 })
  expect([status, signal]).toEqual([0, null])
})
