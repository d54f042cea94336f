import type { Clock } from '../clock.ts'

/** One of several ways to the same result. */
export interface Contender<T> {
  start(): Promise<T>
  /** How long it is waited for until the next is started beside it, in milliseconds. */
  readonly patienceMs: number
}

/**
 * The first success. A contender is started when one before it has failed, or when the newest has not answered within its
 * patience; those that still run are then the caller's to abort. No timer is left behind.
 *
 * @param onFailure is given every failure before the first success. What it throws ends the race, and is its outcome
 * @returns undefined where all have failed
 */
export function hedge<T>(
  contenders: readonly Contender<T>[],
  onFailure: (error: unknown, index: number) => void,
  clock: Clock,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let started = 0
    let running = 0
    let over = false
    let cancelTimer = (): void => undefined

    const end = (settle: () => void): void => {
      over = true
      cancelTimer()
      settle()
    }
    const startNext = (): void => {
      cancelTimer()
      const index = started
      const contender = contenders[index]
      if (contender === undefined) {
        if (running === 0) end(() => resolve(undefined))
        return
      }
      started += 1
      running += 1
      const isLast = started === contenders.length
      if (!isLast && contender.patienceMs !== Number.POSITIVE_INFINITY) {
        cancelTimer = clock.schedule(contender.patienceMs, startNext)
      }
      contender.start().then(
        (value) => end(() => resolve(value)),
        (error: unknown) => onRejected(error, index),
      )
    }
    const onRejected = (error: unknown, index: number): void => {
      if (over) return
      running -= 1
      try {
        onFailure(error, index)
        startNext()
      } catch (final) {
        end(() => reject(final))
      }
    }
    startNext()
  })
}
