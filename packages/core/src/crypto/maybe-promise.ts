/*
 * An engine may answer at once or later, and a small message is done before a promise of it would be: an `await` in an async
 * function costs one of a kilobyte as much as a tenth of its cryptography, in time and in memory to collect. Where messages are
 * sealed and opened whole, these take its place.
 */

/** A value, or a promise of it: `node:crypto` answers at once; WebCrypto, workers or a native engine later. */
export type MaybePromise<T> = T | Promise<T>

/** Goes on with a value: at once where it is there, later where it is promised. An `await` would always be later. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Works with a resource, and disposes of it when the work is done or has failed. */
export function disposing<T>(resource: Disposable, work: () => MaybePromise<T>): MaybePromise<T> {
  let result: MaybePromise<T> | undefined
  try {
    result = work()
  } finally {
    if (!(result instanceof Promise)) resource[Symbol.dispose]()
  }
  return result instanceof Promise ? result.finally(() => resource[Symbol.dispose]()) : result
}

/** Works with a resource, and disposes of it where the work fails: otherwise it goes on to whoever gets the result. */
export function disposingOnFailure<T>(resource: Disposable, work: () => MaybePromise<T>): MaybePromise<T> {
  const giveUp = (error: unknown): never => {
    resource[Symbol.dispose]()
    throw error
  }
  try {
    const result = work()
    return result instanceof Promise ? result.catch(giveUp) : result
  } catch (error) {
    return giveUp(error)
  }
}
