/*
 * An engine answers at once or later. Three awaits of what is there already cost a message of a kilobyte a tenth of its time, in
 * turns of the event loop and in memory to collect, so that messages which are there whole are gone on with at once where that
 * is possible: by these, or in an async function by `x instanceof Promise ? await x : x`.
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

/** Works with a resource, and disposes of it where the work fails; otherwise the resource is a part of the result. */
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
