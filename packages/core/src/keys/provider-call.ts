import { type Attempt, KeyfoldError } from '../errors.ts'
import { type Observer, type ProviderOperation, tell } from '../observe.ts'
import { Deadline, type DeadlineTerms } from './deadline.ts'
import { isInProcess } from './in-process.ts'
import type { CallOptions, KeyProvider } from './key-provider.ts'

/** Under what conditions providers are called. */
export interface CallConditions extends DeadlineTerms {
  readonly observe: Observer | undefined
}

/** One of a provider's operations, as core calls it. */
export interface ProviderMove<Request, Answer> {
  readonly operation: ProviderOperation
  /** @throws KeyfoldError `UNSUPPORTED` where the provider lacks the operation */
  call(provider: KeyProvider, request: Request, options: CallOptions): Promise<Answer>
  /** @throws KeyfoldError for an answer that must not be used */
  check(provider: KeyProvider, answer: Answer, request: Request): void
  /** Wipes an answer that nobody will use: refused by `check`, or come after the call was given up. */
  discard(answer: Answer): void
}

/**
 * One call to a provider: under the caller's signal and a deadline, its answer checked, and every failure a KeyfoldError.
 */
export async function callProvider<Request, Answer>(
  move: ProviderMove<Request, Answer>,
  provider: KeyProvider,
  request: Request,
  conditions: CallConditions,
): Promise<Answer> {
  const startedAt = startOf(conditions)
  try {
    const answer = await (isInProcess(provider) && conditions.signal === undefined
      ? move.call(provider, request, { signal: neverAborted })
      : callRemote(move, provider, request, conditions))
    if (answer === undefined) throw new KeyfoldError('UNKNOWN', `${provider.name}: ${move.operation} gave no answer`)
    checkOrDiscard(move, provider, answer, request)
    return answer
  } catch (error) {
    const failure = asKeyfoldError(provider, move.operation, error)
    tellFailed(move.operation, provider, failure, startedAt, conditions)
    throw failure
  }
}

const neverAborted = new AbortController().signal

async function callRemote<Request, Answer>(
  move: ProviderMove<Request, Answer>,
  provider: KeyProvider,
  request: Request,
  conditions: CallConditions,
): Promise<Answer> {
  const deadline = new Deadline(provider.name, conditions)
  try {
    return await deadline.wait(move.call(provider, request, deadline), move.discard)
  } finally {
    deadline.end()
  }
}

function checkOrDiscard<Request, Answer>(
  move: ProviderMove<Request, Answer>,
  provider: KeyProvider,
  answer: Answer,
  request: Request,
): void {
  try {
    move.check(provider, answer, request)
  } catch (error) {
    move.discard(answer)
    throw error
  }
}

function asKeyfoldError(provider: KeyProvider, operation: ProviderOperation, error: unknown): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  // Its text is left to the cause: what an unknown error prints is unknown too.
  const kind = error instanceof Error ? error.name : typeof error
  return new KeyfoldError('UNKNOWN', `${provider.name}: ${operation} failed with a ${kind}`, { cause: error })
}

/** Tells of a call that failed, or whose answer turned out to be of no use. */
export function tellFailed(
  operation: ProviderOperation,
  provider: KeyProvider,
  { code }: Pick<KeyfoldError, 'code'>,
  startedAt: number | undefined,
  { observe, clock }: CallConditions,
): void {
  tell(observe, () => {
    const durationMs = clock.monotonic() - (startedAt ?? 0)
    return { type: 'provider-failed', ...named(provider), operation, code, durationMs }
  })
}

/** How an event names a provider. */
export function named(provider: KeyProvider): { readonly provider: string; readonly providerId: string } {
  return { provider: provider.name, providerId: provider.providerId }
}

/** A provider's failure, as a row of the error for all that were tried. */
export function attemptOf(provider: KeyProvider, error: unknown): Attempt {
  const failure = KeyfoldError.is(error)
    ? error
    : new KeyfoldError('UNKNOWN', `${provider.name} failed`, { cause: error })
  return { ...named(provider), code: failure.code, message: failure.message, error: failure }
}

/** When a call starts; read only for somebody who listens. */
export function startOf({ observe, clock }: Pick<CallConditions, 'observe' | 'clock'>): number | undefined {
  return observe && clock.monotonic()
}
