import { abortedBy, type CallOptions, untilAborted } from '@keyfold/core'

/**
 * A call whose first answer is remembered. Until there is one, calls at the same time share a request; a failure is told to
 * all of them and forgotten.
 */
export function remembered<T>(load: (options: CallOptions) => Promise<T>): (options: CallOptions) => Promise<T> {
  let asked: { readonly answer: Promise<T>; readonly by: AbortSignal } | undefined
  const ask = (signal: AbortSignal): Promise<T> =>
    load({ signal }).catch((error: unknown) => {
      asked = undefined
      throw error
    })
  return async ({ signal }) => {
    for (;;) {
      if (signal.aborted) throw abortedBy(signal)
      asked ??= { answer: ask(signal), by: signal }
      const { answer, by } = asked
      try {
        return await untilAborted(answer, signal)
      } catch (error) {
        // Whoever made the request may have left; whoever waited for it has not.
        if (signal.aborted || !by.aborted) throw error
      }
    }
  }
}
