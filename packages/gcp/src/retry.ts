import { KeyfoldError, untilAborted } from '@keyfold/core'

/** How long and how often; tests give their own. */
export interface RetryTerms {
  /** How many calls may be made, the first one counted. */
  readonly tries: number
  /** The longest wait before the second try; it doubles with each further one. */
  readonly firstDelayMs: number
  /** A service that wants more time than this is not waited for: the caller may have another key. */
  readonly longestDelayMs: number
  /** From 0 to 1, exclusive. */
  random(): number
  /** Rejects with what the signal is aborted with. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

/** Up to 200, 400, 800 and 1600 ms between five tries: done within core's ten seconds, so that the caller learns why. */
export const usualRetry: RetryTerms = {
  tries: 5,
  firstDelayMs: 200,
  longestDelayMs: 3000,
  random: Math.random,
  wait: waitFor,
}

/**
 * Tries again, after a wait with full jitter, what fails in a way that may pass.
 *
 * The client's own retries are off. They do not cover throttling or a failed checksum, and when they give up every cause has
 * become DEADLINE_EXCEEDED.
 */
export async function retrying<T>(terms: RetryTerms, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (!KeyfoldError.is(error) || !error.retryable || tried === terms.tries || signal.aborted) throw error
      const backOff = terms.random() * terms.firstDelayMs * 2 ** (tried - 1)
      const delayMs = Math.max(backOff, error.retryAfterMs ?? 0)
      if (delayMs > terms.longestDelayMs) throw error
      await terms.wait(delayMs, signal)
    }
  }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  // Not unref'd: between two tries nothing else may hold the process, which would end in the middle of a call.
  const timer = setTimeout(resolve, ms)
  try {
    await untilAborted(promise, signal)
  } finally {
    clearTimeout(timer)
  }
}
