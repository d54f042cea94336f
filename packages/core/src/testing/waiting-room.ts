import { type Clock, longestTimerMs, systemClock } from '../clock.ts'
import { demandNotAborted } from '../errors.ts'

/** Where calls wait whose answer takes its time. */
export class WaitingRoom {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Waits so long, or until everybody is let go.
   *
   * @param ms Infinity waits for the latter alone
   * @throws KeyfoldError `ABORTED` as soon as the signal is aborted
   */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve) => {
      const end = (): void => {
        cancelTimer?.()
        clearTimeout(held)
        signal.removeEventListener('abort', end)
        this.#waiting.delete(end)
        resolve()
      }
      const cancelTimer = ms === Number.POSITIVE_INFINITY ? undefined : this.#clock.schedule(ms, end)
      // The clock's timers hold no process open, as a service's connection would; on a clock that a test moves, nothing may. Firing does nothing.
      const held = this.#clock === systemClock ? setTimeout(() => undefined, longestTimerMs) : undefined
      signal.addEventListener('abort', end)
      this.#waiting.add(end)
    }).then(() => demandNotAborted(signal))
  }

  letGo(): void {
    for (const end of [...this.#waiting]) end()
  }
}
