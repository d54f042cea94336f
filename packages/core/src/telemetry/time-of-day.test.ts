import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { preciseTimeOfDay } from './time-of-day.ts'

/** What the two clocks say: the wall clock in whole milliseconds, as it does. */
let wallMs: number
let monotonicMs: number

beforeEach(() => {
  wallMs = performance.timeOrigin
  monotonicMs = 0
  vi.spyOn(Date, 'now').mockImplementation(() => Math.floor(wallMs))
  vi.spyOn(performance, 'now').mockImplementation(() => monotonicMs)
})
afterEach(() => void vi.restoreAllMocks())

function pass(ms: number): void {
  wallMs += ms
  monotonicMs += ms
}

test('tells fractions of a millisecond, and never goes back', () => {
  const now = preciseTimeOfDay()
  const start = now()
  for (let step = 1; step <= 100; step++) {
    pass(0.07)
    expect(now() - start).toBeCloseTo(step * 0.07, 2)
  }
})

test.each([5000, -5000])('follows the wall clock when it jumps by %i ms', (jumpMs) => {
  const now = preciseTimeOfDay()
  now()
  wallMs += jumpMs
  expect(Math.abs(now() - wallMs)).toBeLessThanOrEqual(1)
  pass(0.5)
  expect(Math.abs(now() - wallMs)).toBeLessThanOrEqual(1)
})

test('follows the wall clock when the other one stood still', () => {
  const now = preciseTimeOfDay()
  wallMs += 3_600_000
  expect(Math.abs(now() - wallMs)).toBeLessThanOrEqual(1)
})
