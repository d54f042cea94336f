import type { RangeSource } from './range-source.ts'

/** A part of a source that was asked for. */
export interface Read {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal
}

export interface CountingSource extends RangeSource {
  readonly reads: Read[]
  /** How many bytes were asked for. */
  bytesRead(): number
}

/** What a source answers, given the true bytes: those, others, or nothing for a while. */
export type Answer = (bytes: Uint8Array, read: Read) => Promise<Uint8Array> | Uint8Array

/** A source that keeps what it is asked for. It gives copies, so that nobody can rely on its memory. */
export function countingSource(content: Uint8Array, answer: Answer = (bytes) => bytes): CountingSource {
  const reads: Read[] = []
  return {
    size: content.length,
    reads,
    bytesRead: () => reads.reduce((total, { start, end }) => total + end - start, 0),
    async read(start, end, { signal }) {
      const read = { start, end, signal }
      reads.push(read)
      return answer(Uint8Array.prototype.slice.call(content, start, end), read)
    },
  }
}

/** Lets everything pass at once, and while it is closed nothing. */
export class Gate {
  #opened: PromiseWithResolvers<void> | undefined

  get closed(): boolean {
    return this.#opened !== undefined
  }

  close(): void {
    this.#opened = Promise.withResolvers()
  }

  open(): void {
    this.#opened?.resolve()
    this.#opened = undefined
  }

  async pass<T>(value: T): Promise<T> {
    await this.#opened?.promise
    return value
  }
}
