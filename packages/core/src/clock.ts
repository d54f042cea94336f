import { KeyfoldError } from './errors.ts'

/**
 * Time, passed in wherever it is needed, so that a test moves it by hand. Both clocks are here because neither is enough:
 * the monotonic one stands still while a machine is suspended, and the wall clock jumps.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch; may jump either way. */
  now(): number
  /** Milliseconds since some fixed moment of this process; never goes back, may stand still during a suspend. */
  monotonic(): number
  /**
   * Calls back once, about `delayMs` milliseconds from now. The timer does not hold the process open.
   *
   * @returns a function that cancels; calling it late or twice does nothing
   */
  schedule(delayMs: number, callback: () => void): () => void
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandClock(name: string, value: unknown): void {
  const { now, monotonic, schedule }: { readonly [Member in keyof Clock]?: unknown } = Object(value)
  if ([now, monotonic, schedule].every((member) => typeof member === 'function')) return
  throw new KeyfoldError('INVALID_ARGUMENT', `${name}: expected a Clock`)
}

/** `setTimeout` fires at once for anything longer than this (2^31 − 1 milliseconds, 24.8 days). */
export const longestTimerMs = 0x7fff_ffff

/** The machine's own clocks and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    let timer = startTimer(delayMs, callback, (next) => {
      timer = next
    })
    return () => clearTimeout(timer)
  },
}

type Timer = ReturnType<typeof setTimeout>

/** @param renewed is given the timer that takes this one's place, where the delay is longer than one can be */
function startTimer(delayMs: number, callback: () => void, renewed: (timer: Timer) => void): Timer {
  const timer =
    delayMs <= longestTimerMs
      ? setTimeout(callback, delayMs)
      : setTimeout(() => renewed(startTimer(delayMs - longestTimerMs, callback, renewed)), longestTimerMs)
  // Browsers number their timers; there is nothing to hold open there.
  if (typeof timer === 'object') timer.unref()
  return timer
}
