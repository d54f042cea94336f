import { KeyfoldError } from '../errors.ts'
import type { KeyProvider } from './key-provider.ts'
import type { Keyring } from './keyring.ts'

/**
 * Several keys on every message, any one of which opens it. Sealing: the first that can seal makes the data key, all
 * others wrap it, those that only open are skipped. Opening: in the order given. Nested ones are flattened.
 *
 * A message is as authentic as the weakest of them: whoever can write under one key can write messages that all accept.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for no keys, or anything that is no key
 *
 * @example
 * ```ts
 * import { anyOf, createEnvelope, rawAes } from '@keyfold/core'
 *
 * const random = () => crypto.getRandomValues(new Uint8Array(32))
 * const here = rawAes({ namespace: 'example', name: 'here', key: random() })
 * const there = rawAes({ namespace: 'example', name: 'there', key: random() })
 * const sealed = await createEnvelope({ keys: anyOf(here, there) }).encrypt(new Uint8Array(10))
 * const { openedBy } = await createEnvelope({ keys: there }).decrypt(sealed)
 * console.log(openedBy.name) // example/there
 * ```
 */
export function anyOf(...keys: readonly (KeyProvider | Keyring)[]): Keyring
export function anyOf(keys: readonly (KeyProvider | Keyring)[]): Keyring
export function anyOf(...args: readonly (KeyProvider | Keyring | readonly (KeyProvider | Keyring)[])[]): Keyring {
  const [first, ...rest] = args
  if (!isList(first)) return keyringOf(...(args as readonly (KeyProvider | Keyring)[])) // no list among them, or refused
  if (rest.some((options) => Object.values(options ?? {}).some((value) => value !== undefined)))
    throw new KeyfoldError('UNSUPPORTED', 'anyOf: options are not supported by this version')
  return keyringOf(...first)
}

/** What `createEnvelope` is given, as a keyring. */
export function keyringOf(...keys: readonly (KeyProvider | Keyring)[]): Keyring {
  const providers = new Set(keys.flatMap(providersOf))
  if (providers.size === 0) throw new KeyfoldError('INVALID_ARGUMENT', 'keys: expected at least one key')
  return Object.freeze({ providers: Object.freeze([...providers]) })
}

function providersOf(key: KeyProvider | Keyring): readonly KeyProvider[] {
  if (typeof key !== 'object' || key === null) {
    throw new KeyfoldError(
      'INVALID_ARGUMENT',
      `keys: expected a key or anyOf(…), got ${key === null ? 'null' : typeof key}`,
    )
  }
  if ('providers' in key && Array.isArray(key.providers)) return key.providers.flatMap(providersOf)
  if ('accepts' in key && typeof key.accepts === 'function' && typeof key.providerId === 'string') return [key]
  throw new KeyfoldError('INVALID_ARGUMENT', 'keys: an object that is neither a key nor made by anyOf')
}

function isList(
  value: KeyProvider | Keyring | readonly (KeyProvider | Keyring)[] | undefined,
): value is readonly (KeyProvider | Keyring)[] {
  return Array.isArray(value)
}
