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

  /** Adds pieces behind those that are there. @throws KeyfoldError `UNKNOWN` where there is no room for them */
  add(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      const end = this.#length + piece.length
      if (end > this.#whole.length) throw misfit(end, this.#whole.length)
      this.#whole.set(piece, this.#length)
      this.#length = end
    }
  }

  /** All of it, the caller's own. @throws KeyfoldError `UNKNOWN` where there is less */
  finish(): Uint8Array<ArrayBuffer> {
    // Memory that nobody wrote would show what it held before.
    if (this.#length === this.#whole.length) return this.#whole
    throw misfit(this.#length, this.#whole.length)
  }
}

function misfit(made: number, due: number): KeyfoldError {
  return new KeyfoldError('UNKNOWN', `${made} bytes were made where there should be ${due}`)
}

/**
 * The pieces as one array of the caller's own.
 *
 * @param length what they should come to
 */
export function join(pieces: readonly Uint8Array[], length: number = lengthOf(pieces)): Uint8Array<ArrayBuffer> {
  const whole = new Assembly(length)
  whole.add(pieces)
  return whole.finish()
}
