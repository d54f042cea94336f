import { abortedError, demandNotAborted, KeyfoldError } from '../errors.ts'
import { Inlet } from './inlet.ts'

/** A generator that turns what comes in into what goes out; it knows nothing of the kind of stream around it. */
export interface Flow {
  /**
   * @param input what is written, chunk by chunk, unchecked
   * @param signal aborted when nobody wants the output any more
   */
  run(input: AsyncIterable<unknown, undefined>, signal: AbortSignal): AsyncGenerator<Uint8Array, void>
  /** Told once where the flow ends by anything but its own end: its error, or `ABORTED` where it was stopped. */
  failed(error: KeyfoldError): void
  /** The caller's own, that ends the flow. */
  readonly signal: AbortSignal | undefined
}

/**
 * Drives a flow for the two sides of a stream of any kind. Whatever ends it (its own end, an error of it, a side that gives
 * up, the caller's signal) does so once, for both sides, and leaves nothing behind: the generator is run to its end, so that
 * it disposes of its keys.
 */
export class Pump {
  readonly #inlet = new Inlet()
  readonly #controller = new AbortController()
  readonly #output: AsyncGenerator<Uint8Array, void>
  readonly #flow: Flow
  readonly #failed: (error: unknown) => void
  readonly #finished = Promise.withResolvers<void>()
  #running = true
  #stopped: Promise<void> = Promise.resolve()

  /**
   * @param failed errors both sides of the stream
   * @throws KeyfoldError `ABORTED` where the caller's signal is aborted already
   */
  constructor(flow: Flow, failed: (error: unknown) => void) {
    demandNotAborted(flow.signal)
    this.#flow = flow
    this.#failed = failed
    this.#output = flow.run(this.#inlet, this.#controller.signal)
    this.#finished.promise.catch(() => undefined) // whoever closes is told; nobody may be closing
    flow.signal?.addEventListener('abort', this.#onAbort)
  }

  /** @param done see {@link Inlet.write} */
  write(chunk: unknown, done: () => void): void {
    this.#inlet.write(chunk, done)
  }

  /** Ends the input. Settles when the output has ended too, and fails as it does. */
  close(): Promise<void> {
    this.#inlet.close()
    return this.#finished.promise
  }

  /** The next chunk of the output; undefined at its end. Where it fails, both sides are errored before it rejects. */
  async next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#output.next()
      if (done !== true) return value
    } catch (error) {
      this.stop(error)
      throw error
    }
    this.#end()
    this.#finished.resolve()
    return undefined
  }

  /** Gives up, for whatever reason, or none. Settles when the generator has ended, whoever stopped it first. */
  stop(reason: unknown): Promise<void> {
    if (this.#running) this.#stopped = this.#stop(reason ?? endedError())
    return this.#stopped
  }

  async #stop(reason: unknown): Promise<void> {
    this.#end()
    this.#inlet.fail(reason)
    this.#controller.abort(reason)
    this.#flow.failed(asKeyfoldError(reason))
    this.#finished.reject(reason)
    this.#failed(reason)
    await this.#output.return().catch(() => undefined) // its error is the reason, or comes of it
  }

  readonly #onAbort = (): void => void this.stop(abortedError(this.#flow.signal))

  #end(): void {
    this.#running = false
    this.#flow.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** A side's reason is its own affair, and may be anything; whoever waits for what the flow tells gets one kind of error. */
function asKeyfoldError(reason: unknown): KeyfoldError {
  return KeyfoldError.is(reason) ? reason : endedError(reason)
}

function endedError(cause?: unknown): KeyfoldError {
  return new KeyfoldError('ABORTED', 'the stream was ended before its end', { cause })
}
