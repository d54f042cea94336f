import { KeyfoldError } from '../errors.ts'
import { chunksOf } from './chunks.ts'

/** When opened frames are given out. */
export interface Release {
  /** Takes frames that were opened, in order, and gives those that may go now. */
  add(frames: readonly Uint8Array[]): readonly Uint8Array[]
  /** What is still held, once all of the message holds. */
  end(): readonly Uint8Array[]
}

/** Each as soon as its tag holds. */
export const atOnce: Release = { add: (frames) => frames, end: () => [] }

/** None before the end. */
export function atTheEnd(maxBufferedBytes: number): Release {
  const held: Uint8Array[] = []
  let recent: Uint8Array[] = []
  let bytes = 0
  return {
    add(frames) {
      for (const frame of frames) bytes += frame.length
      if (bytes > maxBufferedBytes)
        throw tooMuch('a signed message is held until its signature holds', maxBufferedBytes)
      recent.push(...frames)
      if (recent.length >= mostLoose) {
        held.push(...chunksOf(recent))
        recent = []
      }
      return []
    },
    end: () => [...held, ...recent],
  }
}

/** How many frames are held one by one: an array apiece takes hundreds of bytes, and a frame may have one. */
const mostLoose = 1024

/** Each as soon as the next one is opened, so that the last with anything in it waits for the end. */
export function allButTheLast(): Release {
  let last: readonly Uint8Array[] = []
  return {
    add(frames) {
      const filled = frames.filter((frame) => frame.length > 0)
      if (filled.length === 0) return []
      const released = [...last, ...filled.slice(0, -1)]
      last = filled.slice(-1)
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
