import { type ErrorCode, errorCodes, KeyfoldError } from '../errors.ts'
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

/** Demands that an error is a KeyfoldError of a code that there is. */
export function demandKeyfoldError(what: string, error: unknown): KeyfoldError {
  const kind = error instanceof Error ? error.name : typeof error
  demand(KeyfoldError.is(error), `${what}: failed with ${kind}, expected a KeyfoldError`)
  demand(errorCodes.includes(error.code), `${what}: failed with ${String(error.code)}, which is no code`)
  return error
}

/** Demands that a call ended in a KeyfoldError of one of these codes. */
export function demandFailure(what: string, outcome: Outcome<unknown>, codes: readonly ErrorCode[]): KeyfoldError {
  demand('error' in outcome, `${what}: it came off, expected ${codes.join(' or ')}`)
  const error = demandKeyfoldError(what, outcome.error)
  demand(codes.includes(error.code), `${what}: failed with ${error.code}, expected ${codes.join(' or ')}`)
  return error
}
