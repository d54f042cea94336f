import { KeyfoldError } from '../errors.ts'
import { chunksOf } from './chunks.ts'

/** When opened frames are given out. */
export interface Release {
  /**
   * Takes the plaintext of frames that were opened, in order, and gives what may go now.
   *
   * @param pieces in one or more for each frame
   * @param lastLength length in bytes of the last frame's
   */
  add(pieces: readonly Uint8Array[], lastLength: number): readonly Uint8Array[]
  /** What is still held, once all of the message holds. */
  end(): readonly Uint8Array[]
}

/** Each as soon as its tag holds. */
export const atOnce: Release = { add: (pieces) => pieces, end: () => [] }

/** None before the end. */
export function atTheEnd(maxBufferedBytes: number): Release {
  const held: Uint8Array[] = []
  let recent: Uint8Array[] = []
  let bytes = 0
  return {
    add(pieces) {
      for (const piece of pieces) bytes += piece.length
      if (bytes > maxBufferedBytes)
        throw tooMuch('a signed message is held until its signature holds', maxBufferedBytes)
      recent.push(...pieces)
      if (recent.length >= mostLoose) {
        held.push(...chunksOf(recent))
        recent = []
      }
      return []
    },
    end: () => [...held, ...recent],
  }
}

/** How many pieces are held one by one: an array apiece takes hundreds of bytes, and a frame may have one. */
const mostLoose = 1024

/** Each as soon as the next one is opened, so that the last with anything in it waits for the end. */
export function allButTheLast(): Release {
  let last: readonly Uint8Array[] = []
  return {
    add(pieces, lastLength) {
      const filled = pieces.filter((piece) => piece.length > 0)
      if (filled.length === 0) return []
      let lastAt = filled.length - 1
      let bytes = filled[lastAt]?.length ?? 0
      while (lastAt > 0 && bytes < lastLength) {
        lastAt -= 1
        bytes += filled[lastAt]?.length ?? 0
      }
      const released = [...last, ...filled.slice(0, lastAt)]
      last = filled.slice(lastAt)
      return released
    },
    end: () => last,
  }
}

/** @throws KeyfoldError `LIMIT_EXCEEDED` */
export function demandMayBeHeld(bytes: number, maxBufferedBytes: number): void {
  if (bytes > maxBufferedBytes) throw tooMuch('an unframed body is held until its one tag holds', maxBufferedBytes)
}

function tooMuch(why: string, maxBufferedBytes: number): KeyfoldError {
  return new KeyfoldError('LIMIT_EXCEEDED', `${why}: at most ${maxBufferedBytes} bytes are (maxBufferedBytes)`)
}
