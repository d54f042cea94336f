import type { Allowance } from './allowance.ts'
import type { Materials } from './materials.ts'
import type { Moment } from './moment.ts'

/** Materials that the cache holds, with the reference to their data key that is the cache's own. */
export class Entry {
  /** When their load was started: what the service allowed then is what they are worth. */
  readonly startedAt: Moment
  /** Undefined for materials to open with. */
  readonly allowance: Allowance | undefined
  readonly #materials: Materials
  readonly #cancelExpiry: () => void
  #refreshedAtAgeMs = Number.NEGATIVE_INFINITY

  /** Adds the cache's reference to the data key. */
  constructor(
    materials: Materials,
    { startedAt, allowance }: Pick<Entry, 'startedAt' | 'allowance'>,
    cancelExpiry: () => void,
  ) {
    materials.dataKey.retain()
    this.#materials = materials
    this.startedAt = startedAt
    this.allowance = allowance
    this.#cancelExpiry = cancelExpiry
  }

  /** The materials, with a reference to the data key for whoever gets them. */
  share(): Materials {
    this.#materials.dataKey.retain()
    return this.#materials
  }

  /**
   * Whether a use at this age is to start the next data key: in the last fifth of its time, and where a refresh failed
   * not again before another twentieth is over. Says yes once for each.
   */
  wantsRefresh(ageMs: number, maxAgeMs: number): boolean {
    if (ageMs < maxAgeMs * 0.8 || ageMs - this.#refreshedAtAgeMs < maxAgeMs / 20) return false
    this.#refreshedAtAgeMs = ageMs
    return true
  }

  /** Releases what the cache holds. The data key is wiped once the last message under way has released it too. */
  release(): void {
    this.#cancelExpiry()
    this.#materials.dataKey[Symbol.dispose]()
  }
}
