import type { Clock } from '../clock.ts'
import { demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'

/** Where a fake clock starts. */
export interface FakeClockOptions {
  /** Milliseconds since the Unix epoch. Default 1700000000000, in November 2023. */
  readonly wall?: number | undefined
  /** Milliseconds of the monotonic clock. Default 0. */
  readonly monotonic?: number | undefined
}

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: number
  /**
   * Lets time pass. Timers fire in the order of their time, each at its own time, those that a callback adds within the
   * span included. What a callback throws is thrown, and the clock then stands at that time.
   *
   * @param ms milliseconds, 0 or more; 0 fires what is due now
   * @param which `wall` moves the time of day alone, as after a suspend: no timer fires. `monotonic` moves the other clock
   *   and the timers, and holds the time of day.
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  advance(ms: number, which?: 'both' | 'wall' | 'monotonic'): void
  /**
   * Lets time pass as `advance(ms)` does, and promises settle before each timer and after the last: for code that waits for
   * a timer, then for a promise, then for another timer.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  advanceAsync(ms: number): Promise<void>
  /**
   * Sets the time of day, forwards or back, as an administrator or a time server does. No timer fires.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  setWall(epochMs: number): void
}

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

/**
 * Both clocks and the timers, moved by hand: a deadline or an expiry is tested in no time, and to the millisecond.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { fakeClock } from '@keyfold/core/testing'
 *
 * const clock = fakeClock({ wall: Date.UTC(2030, 0, 1) })
 * let woken: Date | undefined
 * clock.schedule(60_000, () => {
 *   woken = new Date(clock.now())
 * })
 * clock.advance(59_999)
 * console.log(woken, clock.pending) // undefined 1
 * clock.advance(1)
 * console.log(woken?.toISOString(), clock.pending) // 2030-01-01T00:01:00.000Z 0
 * ```
 */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  demandOptions('fakeClock', options, fakeClockOptions)
  let wallMs = demandFinite('wall', options.wall ?? 1_700_000_000_000)
  let monotonicMs = demandFinite('monotonic', options.monotonic ?? 0)
  const timers = new Set<Timer>()

  function move(toMs: number, movesWall: boolean): void {
    // A callback that advances the clock itself may have gone further.
    const ms = Math.max(0, toMs - monotonicMs)
    monotonicMs += ms
    if (movesWall) wallMs += ms
  }

  function fireNext(endMs: number, movesWall: boolean): boolean {
    const timer = earliest(timers)
    if (timer === undefined || timer.atMs > endMs) return false
    timers.delete(timer)
    move(timer.atMs, movesWall)
    timer.callback()
    return true
  }

  return {
    now: () => wallMs,
    monotonic: () => monotonicMs,
    schedule(delayMs, callback) {
      if (Number.isNaN(delayMs)) throw invalid('schedule: a delay that is no number')
      const timer = { atMs: monotonicMs + Math.max(0, delayMs), callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    get pending() {
      return timers.size
    },
    advance(ms, which = 'both') {
      demandSpan(ms)
      if (!clocks.has(which)) throw invalid(`advance: expected one of ${[...clocks].join(', ')}`)
      if (which === 'wall') {
        wallMs += ms
        return
      }
      const endMs = monotonicMs + ms
      while (fireNext(endMs, which === 'both'));
      move(endMs, which === 'both')
    },
    async advanceAsync(ms) {
      const endMs = monotonicMs + demandSpan(ms)
      do await settled()
      while (fireNext(endMs, true))
      move(endMs, true)
    },
    setWall(epochMs) {
      wallMs = demandFinite('setWall', epochMs)
    },
  }
}

const fakeClockOptions = optionNames<FakeClockOptions>({ wall: true, monotonic: true })
const clocks: ReadonlySet<string> = new Set(['both', 'wall', 'monotonic'])

/** Of timers of one time, the one that was scheduled first. */
function earliest(timers: Iterable<Timer>): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) if (first === undefined || timer.atMs < first.atMs) first = timer
  return first
}

/** A turn of the event loop: every promise that waits for nothing but promises has settled by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

function demandSpan(ms: number): number {
  if (demandFinite('advance', ms) >= 0) return ms
  throw invalid(`advance: ${ms}: a clock goes forwards; setWall sets the time of day back`)
}

function demandFinite(what: string, ms: number): number {
  if (Number.isFinite(ms)) return ms
  throw invalid(`${what}: expected a number of milliseconds`)
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
