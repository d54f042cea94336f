import type { MaybePromise } from '../crypto/maybe-promise.ts'
import type { Keyring } from '../keys/keyring.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { type FakeClock, fakeClock } from '../testing/index.ts'
import type { DataKeyCacheOptions } from './cache-limits.ts'
import { type DataKeyCache, dataKeyCache, partitionOf } from './data-key-cache.ts'
import type { Materials } from './materials.ts'
import type { Partition, TakeRequest } from './partition.ts'

/** Keys as a message sees them, with the number of the load that they came from. */
export interface Numbered extends Materials {
  readonly load: number
}

/** A key service: every load is recorded, and answers when the test lets it. */
export interface Service {
  readonly loads: PendingLoad[]
  /** Every data key that it ever gave out, and its bytes. */
  readonly dataKeys: SecretBytes[]
  readonly bytes: Uint8Array[]
  readonly load: TakeRequest<Numbered>['load']
  /** How many of its data keys are not wiped. */
  alive(): number
}

export interface PendingLoad {
  readonly signal: AbortSignal
  land(keep?: boolean): void
  fail(error: unknown): void
}

/** @param mode what happens to a load that nobody lets go: it waits, or lands at once */
export function service(mode: 'waits' | 'answers' = 'answers'): Service {
  const [loads, dataKeys, bytes]: [PendingLoad[], SecretBytes[], Uint8Array[]] = [[], [], []]
  return {
    loads,
    dataKeys,
    bytes,
    alive: () => dataKeys.filter(({ released }) => !released).length,
    load(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<{ materials: Numbered; keep: boolean }>()
      const number = loads.length + 1
      const land = (keep = true): void => {
        const raw = new Uint8Array(32).fill(number % 255 || 255)
        const dataKey = SecretBytes.from(raw)
        dataKeys.push(dataKey)
        bytes.push(raw)
        resolve({ materials: { dataKey, load: number }, keep })
      }
      loads.push({ signal, land, fail: reject })
      if (mode === 'answers') land()
      return promise
    },
  }
}

export interface SetUp {
  readonly cache: DataKeyCache
  readonly partition: Partition
  readonly keyring: Keyring
  readonly clock: FakeClock
  readonly keys: Service
  /** Takes with what the test does not say: to seal, one byte, under the key `k`. */
  take(request?: Partial<TakeRequest<Numbered>>): MaybePromise<Numbered>
  /** Takes, releases, and answers which load it was. */
  use(request?: Partial<TakeRequest<Numbered>>): Promise<number>
}

export function setUp(options: Partial<DataKeyCacheOptions> = {}, mode: 'waits' | 'answers' = 'answers'): SetUp {
  const keyring: Keyring = { providers: [] }
  const cache = dataKeyCache({ maxAgeMs: 10_000, ...options })
  const partition = partitionOf(cache, keyring)
  const clock = fakeClock()
  const keys = service(mode)
  const take: SetUp['take'] = (request) =>
    partition.take({ key: 'k', direction: 'seal', bytes: 1, signal: undefined, clock, load: keys.load, ...request })
  return {
    cache,
    partition,
    keyring,
    clock,
    keys,
    take,
    async use(request) {
      const { dataKey, load } = await take(request)
      release(dataKey)
      return load
    },
  }
}

/** Releases a data key that must still be alive. */
export function release(dataKey: SecretBytes): void {
  if (dataKey.bytes.every((byte) => byte === 0)) throw new Error('a message was given zeros')
  dataKey[Symbol.dispose]()
}

/** As many calls of `run`, started one behind the other without waiting. */
export function times<T>(count: number, run: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => run(index))
}

/** Until everything that was settled has been heard of. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
