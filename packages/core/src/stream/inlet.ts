/** A chunk that was written, with what to call once it is no longer read. */
interface Written {
  readonly chunk: unknown
  readonly done: () => void
}

const ended: IteratorReturnResult<undefined> = { done: true, value: undefined }

/**
 * What is written on one side, as the other side reads it: one chunk at a time, at the reader's pace. A write is done when
 * the reader asks for the next chunk, so that a writer may then use its memory again, and never writes ahead.
 */
export class Inlet implements AsyncIterableIterator<unknown, undefined> {
  /** Written, and not yet asked for. */
  #offered: Written | undefined
  /** Being read. */
  #lent: Written | undefined
  #reader: PromiseWithResolvers<IteratorResult<unknown, undefined>> | undefined
  #closed = false
  #failure: { readonly error: unknown } | undefined

  /** @param done is called when the chunk is read, or never will be */
  write(chunk: unknown, done: () => void): void {
    const reader = this.#takeReader()
    if (this.#failure !== undefined) done()
    else if (reader === undefined) this.#offered = { chunk, done }
    else {
      this.#lent = { chunk, done }
      reader.resolve({ done: false, value: chunk })
    }
  }

  /** No more is written. */
  close(): void {
    this.#closed = true
    this.#takeReader()?.resolve(ended)
  }

  /** Nothing is read any more, now or later: the reader gets the error, and writes are done at once. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { error }
    this.#takeReader()?.reject(error)
    this.#release()
    this.#offered?.done()
    this.#offered = undefined
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    this.#release()
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#offered !== undefined) {
      this.#lent = this.#offered
      this.#offered = undefined
      return Promise.resolve({ done: false, value: this.#lent.chunk })
    }
    if (this.#closed) return Promise.resolve(ended)
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #takeReader(): PromiseWithResolvers<IteratorResult<unknown, undefined>> | undefined {
    const reader = this.#reader
    this.#reader = undefined
    return reader
  }

  #release(): void {
    const lent = this.#lent
    this.#lent = undefined
    lent?.done()
  }
}
