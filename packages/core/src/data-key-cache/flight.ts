import { abortedError, KeyfoldError } from '../errors.ts'
import type { Allowance } from './allowance.ts'
import type { Load, Loaded, Materials } from './materials.ts'
import type { Moment } from './moment.ts'

export interface FlightPlan {
  readonly load: Load<Materials>
  /** When `load` is called. */
  readonly startedAt: Moment
  /** What may be sealed under the data key that is on its way. */
  readonly allowance: Allowance | undefined
  /** Whether the cache waits for it as well. */
  readonly isRefresh: boolean
  /**
   * Called when nobody may join any longer: the load has landed, has failed, or all have left; in the last case again when
   * it lands or fails all the same. Whoever keeps what landed takes a reference of his own.
   */
  readonly onEnd: (flight: Flight, landed: Loaded<Materials> | undefined) => void
}

/** One load, and all who wait for it. */
export class Flight {
  readonly startedAt: Moment
  readonly allowance: Allowance | undefined
  readonly #plan: FlightPlan
  readonly #controller = new AbortController()
  readonly #waiters = new Set<Waiter>()
  #cacheWaits: boolean

  constructor(plan: FlightPlan) {
    this.startedAt = plan.startedAt
    this.allowance = plan.allowance
    this.#plan = plan
    this.#cacheWaits = plan.isRefresh
  }

  /**
   * Waits for the materials. The flight's own signal fires when the last who waits has left.
   *
   * @param retry what to do instead of failing where the message that the load was made for may be forged
   * @returns materials to whose data key the caller has a reference of his own
   * @throws KeyfoldError `ABORTED` as soon as the caller's signal fires, or whatever the load fails with
   */
  join(signal: AbortSignal | undefined, retry?: () => Promise<Materials>): Promise<Materials> {
    const { promise, resolve, reject } = Promise.withResolvers<Materials>()
    const leave = (): void => {
      this.#waiters.delete(waiter)
      reject(abortedError(signal))
      this.#abandonIfEmpty()
    }
    const waiter = { resolve, reject, retry, settle: () => signal?.removeEventListener('abort', leave) }
    signal?.addEventListener('abort', leave, { once: true })
    this.#waiters.add(waiter)
    return promise
  }

  /** Never fails itself: who waits is told. */
  async start(): Promise<void> {
    try {
      this.#land(await this.#plan.load(this.#controller.signal))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The cache does not wait any longer. Those who do are served. */
  forsake(): void {
    this.#cacheWaits = false
    this.#abandonIfEmpty()
  }

  /** Serves everybody before it releases its own reference, so that nothing that happens in between wipes the data key. */
  #land(loaded: Loaded<Materials>): void {
    const { materials } = loaded
    try {
      this.#plan.onEnd(this, loaded)
      for (const waiter of this.#waiters) {
        waiter.settle()
        materials.dataKey.retain()
        waiter.resolve(materials)
      }
    } finally {
      materials.dataKey[Symbol.dispose]()
    }
  }

  #fail(error: unknown): void {
    this.#plan.onEnd(this, undefined)
    const mayBeForged = isRefusal(error)
    for (const waiter of this.#waiters) {
      waiter.settle()
      if (mayBeForged && waiter.retry !== undefined) waiter.resolve(waiter.retry())
      else waiter.reject(error)
    }
  }

  #abandonIfEmpty(): void {
    if (this.#cacheWaits || this.#waiters.size > 0) return
    this.#plan.onEnd(this, undefined)
    this.#controller.abort(new KeyfoldError('ABORTED', 'nobody waits for the data key any longer'))
  }
}

/** Whether some key's answer did not fit the message: one key is enough, since the others may not have answered at all. */
function isRefusal(error: unknown): boolean {
  if (!KeyfoldError.is(error)) return false
  return [error, ...error.attempts].some(({ code }) => code === 'AUTHENTICATION_FAILED')
}

interface Waiter {
  readonly resolve: (materials: Materials | Promise<Materials>) => void
  readonly reject: (error: unknown) => void
  readonly retry: (() => Promise<Materials>) | undefined
  /** Stops listening to the caller's signal. */
  readonly settle: () => void
}
