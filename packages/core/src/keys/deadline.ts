import type { Clock } from '../clock.ts'
import { abortedError, demandNotAborted, KeyfoldError } from '../errors.ts'
import type { CallOptions } from './key-provider.ts'

/** How long a call may take, and who may end it before. */
export interface DeadlineTerms {
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined
  readonly callTimeoutMs: number
  readonly clock: Clock
}

/**
 * The end of one call: the caller's abort or the clock's, whichever is first. It is what the provider is given as its
 * options, and holds whether the provider heeds the signal or not.
 */
export class Deadline implements CallOptions {
  readonly #controller = new AbortController()
  readonly #name: string
  readonly #terms: DeadlineTerms
  readonly #cancelTimer: () => void
  #giveUp: ((error: KeyfoldError) => void) | undefined

  /**
   * @param name whose call it is, for the error
   * @throws KeyfoldError `ABORTED` where the caller's signal is aborted already
   */
  constructor(name: string, terms: DeadlineTerms) {
    demandNotAborted(terms.signal)
    this.#name = name
    this.#terms = terms
    this.#cancelTimer = terms.clock.schedule(terms.callTimeoutMs, this.#onTimeout)
    terms.signal?.addEventListener('abort', this.#onAbort)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /**
   * Waits for an answer, or for the deadline.
   *
   * @param discard is given an answer that comes after the deadline
   * @throws KeyfoldError `TIMEOUT`, `ABORTED`, or whatever the answer fails with
   */
  wait<Answer>(answer: Promise<Answer>, discard: (late: Answer) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      answer.then((value) => (this.signal.aborted ? discard(value) : resolve(value)), reject).catch(() => undefined) // a late answer may be anything
      if (this.signal.aborted) reject(this.signal.reason) // while the call was being made
    })
  }

  /** Ends what the call still holds: its timer and its listener. */
  end(): void {
    this.#cancelTimer()
    this.#terms.signal?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onTimeout = (): void => {
    const message = `${this.#name}: no answer within ${this.#terms.callTimeoutMs} ms (callTimeoutMs)`
    this.#stop(new KeyfoldError('TIMEOUT', message))
  }

  readonly #onAbort = (): void => this.#stop(abortedError(this.#terms.signal))

  #stop(error: KeyfoldError): void {
    this.#controller.abort(error)
    this.#giveUp?.(error)
  }
}
