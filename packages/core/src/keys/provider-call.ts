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

/**
 * One call to a provider: under the caller's signal and a deadline, whether the provider heeds them or not, with every
 * failure as a KeyfoldError.
 *
 * @param discard is given what arrives after the call was given up, to wipe it
 */
export async function callProvider<T>(
  provider: KeyProvider,
  operation: ProviderOperation,
  conditions: CallConditions,
  run: (options: CallOptions) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const { observe, clock } = conditions
  const startedAt = observe === undefined ? 0 : clock.monotonic()
  try {
    return await underDeadline(provider, conditions, run, discard)
  } catch (error) {
    const failure = asKeyfoldError(provider, operation, error)
    tell(observe, () => {
      const durationMs = clock.monotonic() - startedAt
      return { type: 'provider-failed', ...named(provider), operation, code: failure.code, durationMs }
    })
    throw failure
  }
}

/** How an event names a provider. */
export function named(provider: KeyProvider): { readonly provider: string; readonly providerId: string } {
  return { provider: provider.name, providerId: provider.providerId }
}

function underDeadline<T>(
  provider: KeyProvider,
  { signal, callTimeoutMs, clock }: CallConditions,
  run: (options: CallOptions) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  demandNotAborted(signal)
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    let settled = false
    const settle = (): boolean => {
      if (settled) return false
      settled = true
      cancelDeadline()
      signal?.removeEventListener('abort', onAbort)
      return true
    }
    const giveUp = (error: KeyfoldError): void => {
      if (!settle()) return
      controller.abort(error)
      reject(error)
    }
    const onAbort = (): void => giveUp(abortedError(signal))
    const cancelDeadline = clock.schedule(callTimeoutMs, () =>
      giveUp(new KeyfoldError('TIMEOUT', `${provider.name}: no answer within ${callTimeoutMs} ms (callTimeoutMs)`)),
    )
    signal?.addEventListener('abort', onAbort)
    run({ signal: controller.signal }).then(
      (value) => (settle() ? resolve(value) : discard(value)),
      (error: unknown) => {
        if (settle()) reject(error)
      },
    )
  })
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
