import { isInProcess } from './in-process.ts'
import type { KeyProvider } from './key-provider.ts'
import type { CallConditions } from './provider-call.ts'

/**
 * Calls of one message that run side by side and end together: with the one that decides for all, or with the caller's
 * abort. Whoever is ended by another has not failed, and is never told as `provider-failed`.
 */
export class CallGroup {
  readonly #conditions: CallConditions
  /** Made for the first call that can be aborted. */
  #controller: AbortController | undefined
  #over = false

  constructor(conditions: CallConditions) {
    this.#conditions = conditions
  }

  /** Whether one has decided for all. */
  get over(): boolean {
    return this.#over
  }

  /**
   * How this provider is called. One of this process answers at once: no abort would reach it in time.
   *
   * @param onTold called where something is told of the call, since it was before the group was over
   */
  conditionsFor(provider: KeyProvider, onTold?: () => void): CallConditions {
    const { signal, observe } = this.#conditions
    return {
      ...this.#conditions,
      signal: isInProcess(provider) ? signal : this.#sharedSignal(),
      observe:
        observe &&
        ((event) => {
          if (this.#over) return
          onTold?.()
          observe(event)
        }),
    }
  }

  /** Aborts every call that has not answered. */
  end(): void {
    this.#over = true
    this.#conditions.signal?.removeEventListener('abort', this.#onAbort)
    this.#controller?.abort()
  }

  #sharedSignal(): AbortSignal {
    const { signal } = this.#conditions
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (signal?.aborted === true) this.#onAbort()
      signal?.addEventListener('abort', this.#onAbort)
    }
    return this.#controller.signal
  }

  readonly #onAbort = (): void => this.#controller?.abort(this.#conditions.signal?.reason)
}
