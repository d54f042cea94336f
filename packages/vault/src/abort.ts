import { type CallOptions, KeyfoldError } from '@keyfold/core'

/** @throws KeyfoldError `ABORTED` */
export function demandNotAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted()
}

/** Waits for a promise no longer than for the signal. @throws KeyfoldError `ABORTED`, or what the promise fails with */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(aborted())
    signal.addEventListener('abort', giveUp, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
    if (signal.aborted) giveUp()
  })
}

/**
 * A call whose first answer is remembered. Until there is one, calls at the same time share a request; a failure is told to
 * all of them and forgotten.
 */
export function remembered<T>(load: (options: CallOptions) => Promise<T>): (options: CallOptions) => Promise<T> {
  let answer: Promise<T> | undefined
  return async ({ signal }) => {
    for (;;) {
      demandNotAborted(signal)
      const leads = answer === undefined
      answer ??= load({ signal }).catch((error: unknown) => {
        answer = undefined
        throw error
      })
      try {
        return await untilAborted(answer, signal)
      } catch (error) {
        // Whoever made the request has left; whoever waited for it has not.
        const left = KeyfoldError.is(error) && error.code === 'ABORTED'
        if (leads || signal.aborted || !left) throw error
      }
    }
  }
}

function aborted(): KeyfoldError {
  return new KeyfoldError('ABORTED', 'the caller aborted the call')
}
