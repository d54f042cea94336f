import type { ErrorCode, Observer } from '@keyfold/core'
import { printable } from './printable.ts'
import { type Surroundings, writeToStderr } from './surroundings.ts'

/** A key that a message was sealed without. */
export interface MissingRecipient {
  readonly provider: string
  readonly code: ErrorCode
}

/** An observer of the envelope that seals, and the list that it fills. */
export function collectMissing(): { readonly observe: Observer; readonly missing: readonly MissingRecipient[] } {
  const missing: MissingRecipient[] = []
  const observe: Observer = (event) => {
    if (event.type === 'recipient-missing') missing.push({ provider: event.provider, code: event.code })
  }
  return { observe, missing }
}

/** Tells people, also those who see the message itself: nothing else shows that a key is not among its own. */
export async function tellMissing(missing: readonly MissingRecipient[], surroundings: Surroundings): Promise<void> {
  for (const { provider, code } of missing) {
    await writeToStderr(surroundings, `${printable(`not sealed for ${provider}: ${code}`)}\n`)
  }
}
