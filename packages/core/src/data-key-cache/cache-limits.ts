import { demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'

/** Options of `dataKeyCache`. What each costs and protects is in docs/caching.md. */
export interface DataKeyCacheOptions {
  /**
   * How long a data key serves, in milliseconds since it was asked for: so long may a message still be sealed or opened
   * after the key service stopped allowing it.
   */
  readonly maxAgeMs: number
  /** How many messages are sealed under one data key: 1 to 2^32, the default. */
  readonly maxMessages?: number | undefined
  /** How many bytes of plaintext are sealed under one data key: 1 to 2^53 - 1, the default. */
  readonly maxBytes?: number | undefined
  /** How many data keys are held at once: 1 to 1000000. The one that was not used for longest gives way. Default 1000. */
  readonly maxEntries?: number | undefined
}

/** The options, checked, with every default in its place. */
export type CacheLimits = { readonly [Name in keyof DataKeyCacheOptions]-?: number }

/** The format's own limit on messages under one data key. Source: caching-cmm.md, "Limit Messages" */
const mostMessages = 2 ** 32

/** Each is a key in memory with a timer of its own: who asks for more does not mean a cache. */
const mostEntries = 1_000_000

const names = optionNames<DataKeyCacheOptions>({ maxAgeMs: true, maxMessages: true, maxBytes: true, maxEntries: true })

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function checkCacheOptions(options: DataKeyCacheOptions): CacheLimits {
  demandOptions('dataKeyCache', options, names)
  const { maxAgeMs, maxMessages = mostMessages, maxBytes = Number.MAX_SAFE_INTEGER, maxEntries = 1000 } = options
  if (!Number.isFinite(maxAgeMs) || maxAgeMs <= 0) {
    throw invalid('maxAgeMs: expected a positive number of milliseconds')
  }
  return {
    maxAgeMs,
    maxMessages: demandCount('maxMessages', maxMessages, mostMessages),
    maxBytes: demandCount('maxBytes', maxBytes, Number.MAX_SAFE_INTEGER),
    maxEntries: demandCount('maxEntries', maxEntries, mostEntries),
  }
}

function demandCount(name: string, count: number, most: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= most) return count
  throw invalid(`${name}: expected a whole number from 1 to ${most}`)
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `dataKeyCache: ${message}`)
}
