import { equalBytes } from '../wire/bytes.ts'

/** @throws Error with this message, unless the condition holds */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Says what differs, and shows neither: they may be keys. */
export function demandSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  demand(actual.length === expected.length, `${what}: ${actual.length} bytes, expected ${expected.length}`)
  demand(equalBytes(actual, expected), `${what}: other bytes than expected`)
}

/** What a case relies on, where its row says that it is there. */
export function present<T>(value: T | undefined, what: string): T {
  demand(value !== undefined, `${what} is missing`)
  return value
}
