import type { EncryptedDataKey } from '../wire/header.ts'

/*
 * What tells one data key of the cache from another, as text: two messages have the same exactly where the same data key may
 * serve both.
 */

/** One character a byte: in the standard's latin1 (windows-1252) no two bytes are the same character. */
const latin1 = new TextDecoder('latin1')

/** The texts of serialized contexts: a caller's context, and so its bytes, mostly are those of the call before. */
const texts = new WeakMap<Uint8Array, string>()

/** @param contextBytes the caller's context, withheld pairs included */
export function sealingKey(suite: number, contextBytes: Uint8Array): string {
  return `${suite} ${contextText(contextBytes)}`
}

/** @param contextBytes the context that the data key is bound to */
export function openingKey(
  suite: number,
  contextBytes: Uint8Array,
  entries: readonly EncryptedDataKey[],
  requireAuthenticatedWriter: boolean,
): string {
  const sorted = entries.map(entryText).sort()
  return `${suite} ${requireAuthenticatedWriter} ${field(contextText(contextBytes))}${sorted.join('')}`
}

function contextText(bytes: Uint8Array): string {
  const known = texts.get(bytes)
  if (known !== undefined) return known
  const text = latin1.decode(bytes)
  texts.set(bytes, text)
  return text
}

function entryText({ providerId, providerInfo, ciphertext }: EncryptedDataKey): string {
  return field(field(providerId) + field(latin1.decode(providerInfo)) + field(latin1.decode(ciphertext)))
}

/** With its length before it, so that no text runs into the next. */
function field(text: string): string {
  return `${text.length}:${text}`
}
