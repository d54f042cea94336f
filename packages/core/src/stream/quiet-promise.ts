/** A promise that nobody has to listen to: what it fails with shows elsewhere too, so that it is never an unhandled rejection. */
export function quietPromise<T>(): PromiseWithResolvers<T> {
  const promised = Promise.withResolvers<T>()
  promised.promise.catch(() => undefined)
  return promised
}
