import type { Clock } from '../clock.ts'
import { KeyfoldError } from '../errors.ts'
import { type Observer, type ProviderOperation, tell } from '../observe.ts'
import type { CallOptions, KeyProvider } from './key-provider.ts'

/** Under what conditions providers are called. */
export interface CallConditions {
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined
  readonly callTimeoutMs: number
  readonly clock: Clock
  readonly observe: Observer | undefined
}

/** One of a provider's operations, as core calls it. */
export interface ProviderMove<Request, Answer> {
  readonly operation: ProviderOperation
  /** @returns undefined where the provider lacks the operation */
  call(provider: KeyProvider, request: Request, options: CallOptions): Promise<Answer> | undefined
  /** @throws KeyfoldError for an answer that must not be used */
  check(provider: KeyProvider, answer: Answer, request: Request): void
  /** Wipes an answer that nobody will use: refused by `check`, or come after the call was given up. */
  discard(answer: Answer): void
}

/**
 * One call to a provider: under the caller's signal and a deadline, whether the provider heeds them or not, with every
 * failure as a KeyfoldError.
 */
export function callProvider<Request, Answer>(
  move: ProviderMove<Request, Answer>,
  provider: KeyProvider,
  request: Request,
  conditions: CallConditions,
): Promise<Answer> {
  const { signal, callTimeoutMs, clock, observe } = conditions
  const startedAt = observe && clock.monotonic()
  const controller = new AbortController()
  return new Promise<Answer>((resolve, reject) => {
    let settled = false
    const settle = (): void => {
      settled = true
      cancelDeadline()
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (error: unknown): void => {
      if (settled) return
      settle()
      const failure = asKeyfoldError(provider, move.operation, error)
      controller.abort(failure) // ends what the provider may still have under way
      tell(observe, () => {
        const durationMs = clock.monotonic() - (startedAt ?? 0)
        return {
          type: 'provider-failed',
          ...named(provider),
          operation: move.operation,
          code: failure.code,
          durationMs,
        }
      })
      reject(failure)
    }
    const answer = (value: Answer): void => {
      if (settled) return discard(move, value)
      try {
        move.check(provider, value, request)
      } catch (error) {
        discard(move, value)
        return fail(error)
      }
      settle()
      resolve(value)
    }
    const onAbort = (): void => fail(abortedError(signal))
    const cancelDeadline = clock.schedule(callTimeoutMs, () =>
      fail(new KeyfoldError('TIMEOUT', `${provider.name}: no answer within ${callTimeoutMs} ms (callTimeoutMs)`)),
    )
    if (signal?.aborted === true) return onAbort()
    signal?.addEventListener('abort', onAbort)
    try {
      demandCapability(move, provider, move.call(provider, request, controller)).then(answer, fail)
    } catch (error) {
      fail(error)
    }
  })
}

function discard<Request, Answer>(move: ProviderMove<Request, Answer>, value: Answer): void {
  try {
    move.discard(value)
  } catch {
    // An answer of the wrong shape has nothing to wipe; its call has failed already.
  }
}

/** How an event names a provider. */
export function named(provider: KeyProvider): { readonly provider: string; readonly providerId: string } {
  return { provider: provider.name, providerId: provider.providerId }
}

function demandCapability<Request, Answer>(
  { operation }: ProviderMove<Request, Answer>,
  provider: KeyProvider,
  promise: Promise<Answer> | undefined,
): Promise<Answer> {
  if (promise !== undefined) return promise
  throw new KeyfoldError('UNSUPPORTED', `${provider.name}: it has no ${operation}`)
}

function asKeyfoldError(provider: KeyProvider, operation: ProviderOperation, error: unknown): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  // Its text is left to the cause: what an unknown error prints is unknown too.
  const kind = error instanceof Error ? error.name : typeof error
  return new KeyfoldError('UNKNOWN', `${provider.name}: ${operation} failed with a ${kind}`, { cause: error })
}

/** @throws KeyfoldError `ABORTED` */
export function demandNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal)
}

function abortedError(signal: AbortSignal | undefined): KeyfoldError {
  return new KeyfoldError('ABORTED', 'the caller aborted the call', { cause: signal?.reason })
}
