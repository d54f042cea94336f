import type { Clock } from '../clock.ts'
import type { MaybePromise } from '../crypto/maybe-promise.ts'
import { demandNotAborted } from '../errors.ts'
import { Allowance } from './allowance.ts'
import type { CacheLimits } from './cache-limits.ts'
import { Flight } from './flight.ts'
import type { Load, Materials } from './materials.ts'
import { momentOf } from './moment.ts'
import type { Store } from './store.ts'

/** What a message asks of the cache. */
export interface TakeRequest<M extends Materials> {
  /** All that tells these materials from others of the keyring; for one direction always of one type of materials. */
  readonly key: string
  readonly direction: 'seal' | 'open'
  /** Length of the plaintext that is to be sealed. Opening counts nothing. */
  readonly bytes: number
  /** The caller's own. A load has a signal of its own, since it may serve others when this caller has left. */
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
  /** Asks the keys. Called once at the most. */
  readonly load: Load<M>
}

/** One keyring's part of a cache. */
export class Partition {
  readonly #store: Store
  readonly #limits: CacheLimits
  /** What the identifiers of this partition start with, and no others: a number and a space. */
  readonly #prefix: string
  readonly #prefixes: Readonly<Record<'seal' | 'open', string>>

  constructor(store: Store, limits: CacheLimits, number: number) {
    this.#store = store
    this.#limits = limits
    this.#prefix = `${number} `
    this.#prefixes = { seal: `${number} seal `, open: `${number} open ` }
  }

  /**
   * Materials to seal or open one message with: at once where the cache has them, otherwise from a load that is shared
   * with all who want the same.
   *
   * @returns materials to whose data key the caller has a reference of his own, and releases it
   * @throws KeyfoldError `ABORTED`, or whatever the load fails with; at once or in the promise
   */
  take<M extends Materials>(request: TakeRequest<M>): MaybePromise<M> {
    demandNotAborted(request.signal)
    return this.#take(request, retries) as MaybePromise<M> // TakeRequest.key: what is under it came from such a request
  }

  /** Forgets all materials of this partition. Loads under way serve those who wait for them, and are not kept. */
  clear(): void {
    this.#store.clear(this.#prefix)
  }

  #take(request: TakeRequest<Materials>, retriesLeft: number): MaybePromise<Materials> {
    if (request.direction === 'seal' && request.bytes > this.#limits.maxBytes) return this.#takeAlone(request)
    const id = this.#prefixes[request.direction] + request.key
    return this.#takeKept(id, request) ?? this.#join(id, request, retriesLeft) ?? this.#lead(id, request)
  }

  /** From the entry, if there is one that may still be used: the warm path. */
  #takeKept(id: string, request: TakeRequest<Materials>): Materials | undefined {
    const entry = this.#store.entry(id)
    if (entry === undefined) return undefined
    const ageMs = this.#store.ageMs(entry.startedAt)
    if (ageMs >= this.#limits.maxAgeMs || entry.allowance?.reserve(request.bytes) === false) {
      this.#store.drop(id)
      return undefined
    }
    const materials = entry.share()
    if (entry.allowance?.spent === true) this.#store.drop(id)
    else if (entry.wantsRefresh(ageMs, this.#limits.maxAgeMs)) this.#refresh(id, request)
    return materials
  }

  /** From a load that is under way, if there is one. */
  #join(id: string, request: TakeRequest<Materials>, retriesLeft: number): Promise<Materials> | undefined {
    const flight = this.#store.flight(id)
    if (flight === undefined) return undefined
    if (this.#store.ageMs(flight.startedAt) >= this.#limits.maxAgeMs) return undefined
    if (flight.allowance?.reserve(request.bytes) === false) return undefined
    return flight.join(
      request.signal,
      request.direction === 'open' ? () => this.#retry(request, retriesLeft) : undefined,
    )
  }

  /** From a load of its own, which others may join. */
  #lead(id: string, request: TakeRequest<Materials>): Promise<Materials> {
    const flight = this.#flightOf(id, request, false)
    flight.allowance?.reserve(request.bytes)
    return leadFlight(flight, request.signal)
  }

  /** Starts the next data key while the old one still serves; nobody waits for it, and its failure changes nothing. */
  #refresh(id: string, request: TakeRequest<Materials>): void {
    if (this.#store.flight(id) === undefined) this.#flightOf(id, request, true).start()
  }

  #flightOf(id: string, { direction, clock, load }: TakeRequest<Materials>, isRefresh: boolean): Flight {
    const allowance = direction === 'seal' ? new Allowance(this.#limits) : undefined
    const onEnd = this.#store.onEnd(id)
    const flight = new Flight({ load, startedAt: momentOf(clock), allowance, isRefresh, onEnd })
    this.#store.launch(id, flight)
    return flight
  }

  /** From a load of its own, which nobody joins and nothing remembers. */
  #takeAlone({ clock, load, signal }: TakeRequest<Materials>): Promise<Materials> {
    const plan = { load, startedAt: momentOf(clock), allowance: undefined, isRefresh: false, onEnd: () => undefined }
    return leadFlight(new Flight(plan), signal)
  }

  /** Once more after a load failed on somebody else's message. */
  async #retry(request: TakeRequest<Materials>, retriesLeft: number): Promise<Materials> {
    return retriesLeft > 0 ? this.#take(request, retriesLeft - 1) : this.#takeAlone(request)
  }
}

/**
 * How often a message that is opened waits anew behind another's. Whoever sends forged copies of it could otherwise have
 * it wait for the load of each, one after the other.
 */
const retries = 1

/** Joined before it starts, so that it never flies without anybody. */
function leadFlight(flight: Flight, signal: AbortSignal | undefined): Promise<Materials> {
  const materials = flight.join(signal)
  flight.start()
  return materials
}
