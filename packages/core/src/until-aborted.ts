import { abortedError, KeyfoldError } from './errors.ts'

/**
 * A promise's outcome, or the signal's abort, whichever is first: for code that waits for what may not heed the signal.
 *
 * @param discard is given a value that comes too late for anybody to take, to wipe it
 * @throws KeyfoldError as {@link abortedBy} says; or whatever the promise fails with
 *
 * @example
 * ```ts
 * import { untilAborted } from '@keyfold/core'
 *
 * const controller = new AbortController()
 * const waiting = untilAborted(new Promise(() => {}), controller.signal)
 * controller.abort()
 * await waiting.catch((error) => console.log(error.code)) // ABORTED
 * ```
 */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void = () => undefined,
): Promise<T> {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>()
  const giveUp = (): void => reject(abortedBy(signal))
  if (signal.aborted) giveUp()
  else signal.addEventListener('abort', giveUp, { once: true })
  promise
    .then((value) => (signal.aborted ? discard(value) : resolve(value)), reject)
    .catch(() => undefined) // a late value may be anything
    .finally(() => signal.removeEventListener('abort', giveUp))
  return outcome
}

/** What an aborted call fails with: the signal's reason where that is a KeyfoldError, as core's own `TIMEOUT`; else `ABORTED`. */
export function abortedBy(signal: AbortSignal): KeyfoldError {
  return KeyfoldError.is(signal.reason) ? signal.reason : abortedError(signal)
}
