import { crc32c } from '@aws-crypto/crc32c'
import { KeyfoldError } from '@keyfold/core'

/**
 * A 64-bit integer as it comes out of the client: wrapped or bare, as text, as a number, or as an object that prints as one.
 * Absent is null.
 */
export type Int64 = number | string | { readonly value?: number | string | object | null } | null | undefined

/** A checksum as the service takes it. */
export function checksum(bytes: Uint8Array): { readonly value: number } {
  return { value: crc32c(bytes) }
}

/** Bytes of an answer that its checksum holds for. */
export function demandIntact(what: string, bytes: unknown, claimed: Int64): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw corrupt(`the answer has no ${what}`)
  if (readInt64(claimed) !== String(crc32c(bytes))) throw corrupt(`the checksum of the answer's ${what} does not hold`)
  return bytes
}

/** That the service saw what was sent: it says so of each checksum that it got. */
export function demandVerified(what: string, verified: boolean | null | undefined): void {
  if (verified !== true) throw corrupt(`the service did not verify the checksum of the request's ${what}`)
}

/** What a failed check is. Retryable. */
export function corrupt(message: string): KeyfoldError {
  return new KeyfoldError('TRANSPORT_CORRUPTION', `cloudKms: ${message}`)
}

function readInt64(value: Int64): string | undefined {
  const bare = typeof value === 'object' && value !== null && 'value' in value ? value.value : value
  return bare === null || bare === undefined ? undefined : String(bare)
}
