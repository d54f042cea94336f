import { demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'
import { canSeal } from './data-key.ts'
import type { KeyProvider } from './key-provider.ts'

/** How the keys of an `anyOf` act together. */
export interface AnyOfOptions {
  /**
   * How many of the keys must seal every message, the one that makes the data key counted: a whole number from 1, or all
   * that can. Whichever could not and was not required is told as an event `recipient-missing`. Default `all`.
   */
  readonly require?: 'all' | number | undefined
  /**
   * After how many milliseconds without an answer the next key is asked to open as well; `Infinity` for only when one
   * failed. Messages of uncommitted suites always wait. Default 300.
   */
  readonly hedgeAfterMs?: number | undefined
}

/**
 * All the keys of an envelope, as core sees them: any one opens, and all seal. Only core makes one, from a single
 * provider or through `anyOf`.
 */
export interface Keyring {
  /** In order of preference, none twice. */
  readonly providers: readonly KeyProvider[]
  /** Undefined where `anyOf` was not told. */
  readonly require?: 'all' | number | undefined
  /** Undefined where `anyOf` was not told. */
  readonly hedgeAfterMs?: number | undefined
}

/** Known by identity: of another's object nobody has checked what is in it, nor whether it stays so. */
const made = new WeakSet<object>()

/**
 * What `createEnvelope` is given, as a keyring.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for anything but a provider or what `anyOf` made
 */
export function keyringOf(key: KeyProvider | Keyring): Keyring {
  return isKeyring(key) ? key : makeKeyring([key])
}

/**
 * A keyring of these keys, those within others in the others' place.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function makeKeyring(keys: readonly (KeyProvider | Keyring)[], options: AnyOfOptions = {}): Keyring {
  const providers = Object.freeze([...new Set(keys.flatMap(providersOf))])
  if (providers.length === 0) throw invalid('keys: expected at least one key')
  const keyring = Object.freeze({ providers, ...checkOptions(options, countRecipients({ providers })) })
  made.add(keyring)
  return keyring
}

/** How many entries a message under these keys has at the most. */
export function countRecipients({ providers }: Pick<Keyring, 'providers'>): number {
  const generator = providers.find(canSeal)
  let count = 0
  for (const provider of providers) count += provider === generator || provider.wrapDataKey !== undefined ? 1 : 0
  return count
}

function providersOf(key: KeyProvider | Keyring): readonly KeyProvider[] {
  if (typeof key !== 'object' || key === null) {
    throw invalid(`keys: expected a key or anyOf(…), got ${key === null ? 'null' : typeof key}`)
  }
  if (isKeyring(key)) {
    if (key.require === undefined && key.hedgeAfterMs === undefined) return key.providers
    throw invalid('keys: an anyOf that has options of its own cannot be a part of another')
  }
  if (isProvider(key)) return [key]
  throw invalid('keys: an object that is neither a key nor made by anyOf')
}

function isKeyring(key: KeyProvider | Keyring): key is Keyring {
  return made.has(key)
}

/** Whether it is a key, by what core must find in each. */
export function isProvider(value: object): value is KeyProvider {
  const { accepts, providerId, name }: { accepts?: unknown; providerId?: unknown; name?: unknown } = value
  return typeof accepts === 'function' && typeof providerId === 'string' && typeof name === 'string'
}

const anyOfOptions = optionNames<AnyOfOptions>({ require: true, hedgeAfterMs: true })

function checkOptions(options: AnyOfOptions, recipients: number): AnyOfOptions {
  demandOptions('anyOf', options, anyOfOptions)
  const { require, hedgeAfterMs } = options
  const isCount = typeof require === 'number' && Number.isInteger(require) && require >= 1 && require <= recipients
  if (require !== undefined && require !== 'all' && !isCount) {
    const range = recipients === 0 ? 'a number if any of the keys could seal' : `a whole number from 1 to ${recipients}`
    throw invalid(`anyOf: require ${String(require)}: expected 'all', or ${range}`)
  }
  if (hedgeAfterMs !== undefined && !(typeof hedgeAfterMs === 'number' && hedgeAfterMs >= 0)) {
    throw invalid('anyOf: hedgeAfterMs: expected a number of milliseconds, 0 or more, or Infinity')
  }
  return { require, hedgeAfterMs }
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
