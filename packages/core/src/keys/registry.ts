import { KeyfoldError } from '../errors.ts'
import { parseReference, type Reference } from '../reference.ts'
import type { KeyProvider } from './key-provider.ts'

/** How references of one scheme become keys. */
export interface KeyScheme {
  /** Such as `awskms`. */
  readonly scheme: string
  /**
   * The key that a reference of the scheme names. No call is made.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT` for a reference that names no key of the scheme
   */
  openKey(reference: Reference): KeyProvider
}

/** What a package adds to a registry. */
export interface Adapter {
  readonly keys: readonly KeyScheme[]
}

/** Turns the references of a configuration into keys. */
export interface Registry {
  /** The schemes that it has, in the order in which they were given. */
  readonly schemes: readonly string[]
  /**
   * The key that a reference names. No call is made.
   *
   * @throws KeyfoldError `UNSUPPORTED` for a scheme that it does not have; `INVALID_ARGUMENT`, in a text that does not show
   *   the reference, which may hold a secret
   */
  key(reference: string): KeyProvider
}

/**
 * A registry of the given adapters and no others: what a configuration may name is what the program was built to use.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` where two adapters have the same scheme, or what is given is none
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { createEnvelope, createRegistry } from '@keyfold/core'
 * import { createLocalKey, local } from '@keyfold/core/local'
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'keyfold-')), 'keys.json')
 * await createLocalKey(path, { name: 'orders' })
 * const registry = createRegistry([local()])
 * const envelope = createEnvelope({ keys: registry.key(`local://${path}?name=orders`) })
 * const { openedBy } = await envelope.decrypt(await envelope.encrypt(new Uint8Array(10)))
 * console.log(openedBy.providerId) // keyfold-local
 * ```
 */
export function createRegistry(adapters: readonly Adapter[]): Registry {
  if (!Array.isArray(adapters) || !adapters.every(isAdapter)) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'createRegistry: expected an array of adapters')
  }
  const schemes = new Map<string, KeyScheme>()
  for (const each of adapters.flatMap(({ keys }) => keys)) {
    if (schemes.has(each.scheme)) {
      throw new KeyfoldError('INVALID_ARGUMENT', `createRegistry: two adapters have the scheme ${each.scheme}`)
    }
    schemes.set(each.scheme, each)
  }
  return {
    schemes: Object.freeze([...schemes.keys()]),
    key(text) {
      const reference = parseReference(text)
      const scheme = schemes.get(reference.scheme)
      if (scheme !== undefined) return scheme.openKey(reference)
      const known = schemes.size === 0 ? 'none' : [...schemes.keys()].join(', ')
      throw new KeyfoldError(
        'UNSUPPORTED',
        `the scheme ${reference.scheme} is not in this registry, which has ${known}`,
      )
    },
  }
}

function isAdapter(given: unknown): boolean {
  const { keys }: { readonly keys?: unknown } = Object(given)
  return (
    Array.isArray(keys) && keys.every((key) => typeof key?.scheme === 'string' && typeof key.openKey === 'function')
  )
}
