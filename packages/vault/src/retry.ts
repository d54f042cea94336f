import { abortedBy, type Clock, KeyfoldError, untilAborted } from '@keyfold/core'

/** What retries wait by. */
export interface RetryTerms {
  readonly signal: AbortSignal
  readonly clock: Clock
}

const attempts = 5
const firstDelayMs = 100
/** How long a try may take: where a connection went quiet, another is asked on within core's ten seconds. */
export const usualTryMs = 4000
/** What the service wants for longer is the caller's to decide: the error says how long. */
const longestWaitMs = 5000

/**
 * Tries again what may succeed then: after a random part of a delay that doubles, and not before the service wants it.
 * Ends with the signal.
 */
export async function retrying<T>(attempt: () => Promise<T>, { signal, clock }: RetryTerms): Promise<T> {
  for (let made = 1; ; made++) {
    if (signal.aborted) throw abortedBy(signal)
    try {
      return await attempt()
    } catch (error) {
      if (!KeyfoldError.is(error) || !error.retryable || made === attempts) throw error
      const delayMs = Math.random() * firstDelayMs * 2 ** (made - 1)
      const { retryAfterMs = 0 } = error
      if (retryAfterMs > longestWaitMs) throw error
      await pause(Math.max(delayMs, retryAfterMs), { signal, clock })
    }
  }
}

/**
 * One try, which ends before the call does where nothing comes back.
 *
 * @param ask is given what ends it; its connection must end too, or the next try would get the same one
 * @throws KeyfoldError `TIMEOUT`, or as the call's signal says
 */
export async function limited<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  tryMs: number,
  signal: AbortSignal,
  clock: Clock,
): Promise<T> {
  const limit = new AbortController()
  const cancel = clock.schedule(tryMs, () => {
    limit.abort(new KeyfoldError('TIMEOUT', `no answer within ${tryMs} ms`))
  })
  const either = AbortSignal.any([signal, limit.signal])
  try {
    return await untilAborted(ask(either), either)
  } finally {
    cancel()
  }
}

async function pause(delayMs: number, { signal, clock }: RetryTerms): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = clock.schedule(delayMs, resolve)
  try {
    await untilAborted(promise, signal)
  } finally {
    cancel()
  }
}

/** A header's seconds or date, as milliseconds from now; undefined for anything else. Source: RFC 9110, section 10.2.3 */
export function parseRetryAfter(value: string | undefined, clock: Clock): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now())
}
