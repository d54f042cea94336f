import type { MaybePromise } from '../crypto/maybe-promise.ts'
import type { Materials } from '../data-key-cache/materials.ts'
import type { Partition, TakeRequest } from '../data-key-cache/partition.ts'
import { tell } from '../observe.ts'
import type { EnvelopeConfig } from './envelope-options.ts'

/** Takes materials from the cache, and tells where that spared a call. */
export function takeTold<M extends Materials>(
  { observe }: EnvelopeConfig,
  cache: Partition,
  request: TakeRequest<M>,
): MaybePromise<M> {
  if (observe === undefined) return cache.take(request)
  const { direction, load } = request
  let asked = false
  const tellReused = (materials: M): M => {
    tell(observe, () => ({ type: 'data-key-reused', direction }))
    return materials
  }
  const taken = cache.take({
    ...request,
    load: (signal) => {
      asked = true
      return load(signal)
    },
  })
  // What is there at once was there before, even where this use had the next data key asked for.
  if (!(taken instanceof Promise)) return tellReused(taken)
  return taken.then((materials) => (asked ? materials : tellReused(materials)))
}
