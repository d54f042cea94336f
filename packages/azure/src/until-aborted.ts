import { abortedError } from './key-vault-errors.ts'

/**
 * The promise's outcome, or the signal's abort, whichever is first. The client listens to the signal only once it has a
 * token: a credential that never answers would hold the call for ever.
 *
 * @param discard is given a value that comes too late for anybody to take
 */
export function untilAborted<T>(
  keyName: string,
  signal: AbortSignal,
  promise: Promise<T>,
  discard: (late: T) => void = () => undefined,
): Promise<T> {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>()
  let abandoned = false
  const giveUp = (): void => {
    abandoned = true
    reject(abortedError(keyName, signal))
  }
  const settle = (then: () => void): void => {
    signal.removeEventListener('abort', giveUp)
    then()
  }
  if (signal.aborted) giveUp()
  else signal.addEventListener('abort', giveUp, { once: true })
  promise.then(
    (value) => settle(() => (abandoned ? discard(value) : resolve(value))),
    (error: unknown) => settle(() => reject(error)),
  )
  return outcome
}
