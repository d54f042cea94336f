import { KeyfoldError } from '../errors.ts'
import type { KeyProvider } from './key-provider.ts'
import { type AnyOfOptions, isProvider, type Keyring, makeKeyring } from './keyring.ts'

/**
 * Several keys on every message, any one of which opens it. Nested ones are flattened; one with options cannot be nested.
 *
 * - Sealing: the first that can seal makes the data key, all others wrap it, those that only open are skipped. If one
 *   fails, so does the message, at once, unless `require` is a number: then that many are enough, and one that fails to
 *   make the data key is passed over for the next. The others are still waited for, until `callTimeoutMs`, unless too few
 *   are left.
 * - Opening: in the order given. The next is asked when one fails, or has not answered within `hedgeAfterMs`; the first
 *   whose data key verifies the message's header wins, and the rest are aborted. Raw keys, which answer at once, are
 *   waited for, and so is every key of a message without key commitment: there order decides, not time.
 *
 * A message is as authentic as the weakest of them: whoever can write under one key can write messages that all accept.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for no keys, for anything that is no key, and for options that are unknown or
 *   out of range: `require` is at most the number of keys that can seal
 *
 * @example
 * ```ts
 * import { anyOf, createEnvelope, rawAes } from '@keyfold/core'
 *
 * const random = () => crypto.getRandomValues(new Uint8Array(32))
 * const here = rawAes({ namespace: 'example', name: 'here', key: random() })
 * const there = rawAes({ namespace: 'example', name: 'there', key: random() })
 * const sealed = await createEnvelope({ keys: anyOf([here, there], { require: 1 }) }).encrypt(new Uint8Array(10))
 * const { openedBy } = await createEnvelope({ keys: there }).decrypt(sealed)
 * console.log(openedBy.name) // example/there
 * ```
 */
export function anyOf(...keys: readonly (KeyProvider | Keyring)[]): Keyring
export function anyOf(keys: readonly (KeyProvider | Keyring)[], options?: AnyOfOptions | undefined): Keyring
export function anyOf(...args: readonly unknown[]): Keyring {
  const [first, ...rest] = args
  // Casts: makeKeyring checks each key and every option, since plain JavaScript may pass anything.
  if (!Array.isArray(first)) return makeKeyring(args as readonly (KeyProvider | Keyring)[])
  const [options = {}, ...more] = rest
  if (more.length > 0 || (typeof options === 'object' && options !== null && isProvider(options))) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'anyOf: expected a list of keys and options, or keys alone')
  }
  return makeKeyring(first, options as AnyOfOptions)
}
