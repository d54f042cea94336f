import { KeyfoldError } from '../errors.ts'

const empty = new Uint8Array(0)

/** What the first bytes that are gathered get; it grows with what comes, never with what a message claims. */
const firstCapacity = 4096

/**
 * Bytes that come in chunks of any size, read in pieces of the reader's size. A chunk that holds a whole piece is read where
 * it lies; only what spans chunks is copied, once, into memory that is used again for the next.
 */
export class ChunkReader {
  readonly #input: AsyncIterator<unknown, undefined>
  readonly #check: (chunk: unknown) => Uint8Array
  /** The last chunk. */
  #chunk: Uint8Array = empty
  /** Its length when it came. */
  #chunkLength = 0
  /** How much of the chunk was gathered or moved on by. */
  #taken = 0
  #memory: Uint8Array = empty
  /** How much of the memory is gathered; it stands before what is left of the chunk. */
  #gathered = 0
  /** How many bytes were moved on by. */
  consumed = 0

  /** @param check says what a chunk's bytes are, or refuses it */
  constructor(input: AsyncIterable<unknown, undefined>, check: (chunk: unknown) => Uint8Array) {
    this.#input = input[Symbol.asyncIterator]()
    this.#check = check
  }

  /**
   * The next bytes, at least `length` of them, and fewer only where the input ends. Valid until the next call.
   *
   * @param most how many to give at the most where they span chunks, `length` or more
   * @throws KeyfoldError `INVALID_ARGUMENT` for a chunk whose buffer is transferred away or shortened while it is read
   */
  async atLeast(length: number, most: number = length): Promise<Uint8Array> {
    for (;;) {
      this.#demandUnchanged()
      if (this.#gathered === 0 && this.#chunk.length - this.#taken >= length) return this.#chunk.subarray(this.#taken)
      this.#gather(most)
      if (this.#gathered >= length) break
      this.#take(empty) // the last one's memory is the writer's again
      const { done, value } = await this.#input.next()
      if (done === true) break
      this.#take(this.#check(value))
    }
    return this.#memory.subarray(0, this.#gathered)
  }

  /** Moves on by so many of the bytes that `atLeast` gave. */
  consume(length: number): void {
    this.consumed += length
    const left = this.#gathered - length
    if (this.#gathered === 0) this.#taken += length
    else if (left <= this.#taken) {
      // The rest was copied from a chunk that is still here: it is read where it lies, and so is what follows.
      this.#taken -= left
      this.#gathered = 0
    } else {
      this.#memory.copyWithin(0, length, this.#gathered)
      this.#gathered = left
    }
  }

  #take(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#chunkLength = chunk.length
    this.#taken = 0
  }

  /** A view whose buffer is gone reads as empty: what is left of it would be missing, and nobody would see it. */
  #demandUnchanged(): void {
    if (this.#chunk.length === this.#chunkLength) return
    const message = "a chunk's buffer was transferred away or shortened before its write had settled"
    throw new KeyfoldError('INVALID_ARGUMENT', message)
  }

  /** Copies from the chunk until `length` bytes are gathered. */
  #gather(length: number): void {
    const end = this.#taken + Math.max(0, length - this.#gathered)
    const more = this.#chunk.subarray(this.#taken, end)
    const needed = this.#gathered + more.length
    if (needed > this.#memory.length) {
      const larger = new Uint8Array(Math.max(firstCapacity, needed, Math.min(length, 2 * this.#memory.length)))
      larger.set(this.#memory.subarray(0, this.#gathered))
      this.#memory = larger
    }
    this.#memory.set(more, this.#gathered)
    this.#gathered = needed
    this.#taken += more.length
  }
}
