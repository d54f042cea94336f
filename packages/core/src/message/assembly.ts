import { engine } from '#engine'
import { KeyfoldError } from '../errors.ts'
import { lengthOf } from '../wire/bytes.ts'

/**
 * Bytes of a known length that are made piece by piece. A piece is copied to its place as soon as it is made, while the
 * processor still has it in its cache, and need not be kept.
 */
export class Assembly {
  readonly #whole: Uint8Array<ArrayBuffer>
  #length = 0

  constructor(length: number) {
    this.#whole = engine.allocate(length)
  }

  /** Adds pieces behind those that are there. */
  add(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      this.#whole.set(piece, this.#length)
      this.#length += piece.length
    }
  }

  /** All of it, the caller's own. */
  finish(): Uint8Array<ArrayBuffer> {
    // Memory that nobody wrote would show what it held before.
    if (this.#length === this.#whole.length) return this.#whole
    throw new KeyfoldError('UNKNOWN', `${this.#length} bytes were made where there should be ${this.#whole.length}`)
  }
}

/** The pieces as one array of the caller's own. */
export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Assembly(lengthOf(pieces))
  whole.add(pieces)
  return whole.finish()
}
