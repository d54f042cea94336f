import { type ErrorCode, KeyfoldError } from '../errors.ts'
import { demand } from './assert.ts'

/** How a call ended. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/** Waits for a call to end either way; an exception counts as a rejection. */
export async function outcomeOf<T>(call: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await call() }
  } catch (error) {
    return { error }
  }
}

/** @returns undefined where the answer did not come in time */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  // It holds the process open on purpose: otherwise a provider that hangs would end the run, and not fail it.
  const timer = setTimeout(() => resolve(undefined), ms)
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Written as a table, so that the compiler asks for a new code here. */
const knownCodes: Readonly<Record<ErrorCode, true>> = {
  INVALID_ARGUMENT: true,
  MALFORMED_MESSAGE: true,
  UNSUPPORTED: true,
  POLICY_VIOLATION: true,
  LIMIT_EXCEEDED: true,
  CONTEXT_MISMATCH: true,
  AUTHENTICATION_FAILED: true,
  NO_USABLE_KEY: true,
  KEY_NOT_FOUND: true,
  KEY_DISABLED: true,
  SECRET_NOT_FOUND: true,
  SECRET_DISABLED: true,
  SECRET_INVALID: true,
  ACCESS_DENIED: true,
  UNAUTHENTICATED: true,
  THROTTLED: true,
  UNAVAILABLE: true,
  TIMEOUT: true,
  ABORTED: true,
  TRANSPORT_CORRUPTION: true,
  LEASE_EXPIRED: true,
  CONFLICT: true,
  UNKNOWN: true,
}

/** Demands that an error is a KeyfoldError of a code that there is. */
export function demandKeyfoldError(what: string, error: unknown): KeyfoldError {
  const kind = error instanceof Error ? error.name : typeof error
  demand(KeyfoldError.is(error), `${what}: failed with ${kind}, expected a KeyfoldError`)
  demand(Object.hasOwn(knownCodes, error.code), `${what}: failed with ${String(error.code)}, which is no code`)
  return error
}

/** Demands that a call ended in a KeyfoldError of one of these codes. */
export function demandFailure(what: string, outcome: Outcome<unknown>, codes: readonly ErrorCode[]): KeyfoldError {
  demand('error' in outcome, `${what}: it came off, expected ${codes.join(' or ')}`)
  const error = demandKeyfoldError(what, outcome.error)
  demand(codes.includes(error.code), `${what}: failed with ${error.code}, expected ${codes.join(' or ')}`)
  return error
}
