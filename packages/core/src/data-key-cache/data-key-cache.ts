import { KeyfoldError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import { type CacheLimits, checkCacheOptions, type DataKeyCacheOptions } from './cache-limits.ts'
import { Partition } from './partition.ts'
import { Store } from './store.ts'

/*
 * A data key that serves many messages: fewer calls to a key service, and more that one data key protects. A message takes
 * its materials from the partition of its keyring (partition.ts, the main idea), which
 *
 *   has them        an entry (entry.ts) within its age (moment.ts) and allowance (allowance.ts)
 *   is waiting      for a load under way (flight.ts), which it joins
 *   or loads them   by a flight of its own, whose materials then become the entry
 *
 * The store (store.ts) holds entries and flights of all partitions. Whoever is given materials has a reference to their
 * data key of his own, so that an entry may be wiped at any time.
 */

/** Data keys that serve more than one message. Made by {@link dataKeyCache}, given to envelopes as `cache`. */
export interface DataKeyCache {
  /**
   * Forgets every data key; each is wiped as soon as no message under way needs it. The next message asks its keys anew.
   * May be called any number of times, at any time.
   */
  clear(): void
}

/**
 * A cache of data keys for envelopes. It may be shared by any number of them: only those with the very same keyring
 * object (what `anyOf` returned) use each other's data keys. What it costs and what it saves is in docs/caching.md.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { dataKeyCache } from '@keyfold/core'
 *
 * const cache = dataKeyCache({ maxAgeMs: 300_000, maxMessages: 100_000 })
 * cache.clear() // when the keys must not be used any longer
 * ```
 */
export function dataKeyCache(options: DataKeyCacheOptions): DataKeyCache {
  const limits = checkCacheOptions(options)
  const store = new Store(limits)
  const cache = Object.freeze({ clear: () => store.clear() })
  insides.set(cache, { limits, store, partitions: new WeakMap(), partitionCount: 0 })
  return cache
}

interface Inside {
  readonly limits: CacheLimits
  readonly store: Store
  readonly partitions: WeakMap<Keyring, Partition>
  partitionCount: number
}

/** Known by identity: an object of the same shape is a stranger, and has nothing in it. */
const insides = new WeakMap<DataKeyCache, Inside>()

/**
 * The cache's part that belongs to this keyring object and to no other, whatever keys the other has.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for a cache that `dataKeyCache` did not make
 */
export function partitionOf(cache: DataKeyCache, keyring: Keyring): Partition {
  const inside = insides.get(cache)
  if (inside === undefined) throw new KeyfoldError('INVALID_ARGUMENT', 'cache: expected what dataKeyCache(…) returned')
  const known = inside.partitions.get(keyring)
  if (known !== undefined) return known
  inside.partitionCount += 1
  const partition = new Partition(inside.store, inside.limits, inside.partitionCount)
  inside.partitions.set(keyring, partition)
  return partition
}
