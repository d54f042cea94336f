import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { preciseTimeOfDay } from './time-of-day.ts'

/** How far each clock went since the origin; small numbers, since sums near the time of day lose a ten-thousandth each. */
let wallPassedMs: number
let monotonicMs: number

/** Exactly; the wall clock itself tells whole milliseconds. */
const wallMs = (): number => performance.timeOrigin + wallPassedMs

beforeEach(() => {
  wallPassedMs = 0
  monotonicMs = 0
  vi.spyOn(Date, 'now').mockImplementation(() => Math.floor(wallMs()))
  vi.spyOn(performance, 'now').mockImplementation(() => monotonicMs)
})
afterEach(() => void vi.restoreAllMocks())

function pass(ms: number): void {
  wallPassedMs += ms
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
  wallPassedMs += jumpMs
  expect(Math.abs(now() - wallMs())).toBeLessThanOrEqual(1)
  pass(0.5)
  expect(Math.abs(now() - wallMs())).toBeLessThanOrEqual(1)
})

test('follows the wall clock when the other one stood still', () => {
  const now = preciseTimeOfDay()
  wallPassedMs += 3_600_000
  expect(Math.abs(now() - wallMs())).toBeLessThanOrEqual(1)
})
