import type { KeyProvider } from './key-provider.ts'

/** Known by identity, so that a copy of such a provider with methods of its own is a stranger. */
const known = new WeakSet<KeyProvider>()

/**
 * Marks a provider of core's own whose key is in this process: no call of it waits for anything outside, and it alters
 * nothing that it is handed. Core then spares a small message the deadline, which costs as much as unwrapping its key, and
 * the copies that others are handed.
 */
export function inProcess(provider: KeyProvider): KeyProvider {
  known.add(provider)
  return provider
}

export function isInProcess(provider: KeyProvider): boolean {
  return known.has(provider)
}
