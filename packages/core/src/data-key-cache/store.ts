import type { CacheLimits } from './cache-limits.ts'
import { Entry } from './entry.ts'
import type { Flight, FlightPlan } from './flight.ts'
import type { Loaded, Materials } from './materials.ts'
import { elapsedMs, type Moment } from './moment.ts'

/** The entries of a cache and the flights that may become some, of all partitions, by identifier. */
export class Store {
  readonly #limits: CacheLimits
  /** In the order of their last use: a Map keeps that of insertion, and one that is used is inserted anew. */
  readonly #entries = new Map<string, Entry>()
  /** The last of them: a warm cache is mostly asked for the same one again, and moving it costs a Map dear. */
  #latest: string | undefined
  /** Those that may be joined and kept: one for an identifier. */
  readonly #flights = new Map<string, Flight>()

  constructor(limits: CacheLimits) {
    this.#limits = limits
  }

  /** The entry, which is now the one that was used last. */
  entry(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined || id === this.#latest) return entry
    this.#entries.delete(id)
    this.#put(id, entry)
    return entry
  }

  /** The one place where an entry is let go: evicted, replaced, expired or cleared. */
  drop(id: string): void {
    const entry = this.#entries.get(id)
    this.#entries.delete(id)
    entry?.release()
  }

  flight(id: string): Flight | undefined {
    return this.#flights.get(id)
  }

  /** Lets a flight be joined, in place of one that cannot take more. */
  launch(id: string, flight: Flight): void {
    const replaced = this.#flights.get(id)
    this.#flights.set(id, flight)
    replaced?.forsake()
  }

  /** What a flight calls at its end: it is joined no more, and what landed is kept unless it was replaced or cleared. */
  onEnd(id: string): FlightPlan['onEnd'] {
    return (flight, landed) => {
      if (this.#flights.get(id) !== flight) return
      this.#flights.delete(id)
      if (landed?.keep === true) this.#keep(id, flight, landed)
    }
  }

  #keep(id: string, flight: Flight, { materials }: Loaded<Materials>): void {
    const leftMs = this.#limits.maxAgeMs - this.ageMs(flight.startedAt)
    if (leftMs <= 0 || flight.allowance?.spent === true) return
    // The timer wipes what nobody uses any more; whether a use comes too late is not left to it.
    const cancelExpiry = flight.startedAt.clock.schedule(leftMs, () => this.drop(id))
    const entry = new Entry(materials, flight, cancelExpiry)
    this.drop(id)
    this.#put(id, entry)
    const [leastRecent] = this.#entries.keys()
    if (this.#entries.size > this.#limits.maxEntries && leastRecent !== undefined) this.drop(leastRecent)
  }

  #put(id: string, entry: Entry): void {
    this.#entries.set(id, entry)
    this.#latest = id
  }

  /**
   * How long ago a load was started, in milliseconds. Where the clocks do not say, that is for ever, and everything is
   * dropped: what else was loaded before it is of an unknown age too.
   */
  ageMs(startedAt: Moment): number {
    const ageMs = elapsedMs(startedAt)
    if (ageMs !== undefined) return ageMs
    this.clear()
    return Number.POSITIVE_INFINITY
  }

  /** Releases all entries and forgets all flights whose identifiers start so. */
  clear(prefix = ''): void {
    for (const id of [...this.#entries.keys()]) if (id.startsWith(prefix)) this.drop(id)
    const flights = [...this.#flights].filter(([id]) => id.startsWith(prefix))
    for (const [id] of flights) this.#flights.delete(id)
    for (const [, flight] of flights) flight.forsake()
  }
}
