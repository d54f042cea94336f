import { engine } from '#engine'
import { regularLength } from '../wire/frame.ts'

/*
 * How the frames of a message are worked on: in steps that are worth their cost, however short the frames are, and take
 * little memory, however many there are.
 */

/** How many bytes of a message, in short frames, are worked on in one step. */
export const runLength: number = 64 * 1024

/** Joining copies, and a chunk costs a stream about as much as copying so many bytes. */
const smallLength = 8 * 1024

/** How many frames to work on in one step: one, where it is long. */
export function framesInRun(frameLength: number): number {
  return Math.max(1, Math.floor(runLength / regularLength(frameLength)))
}

/** Whether a whole message is better worked on in steps: a frame costs a kilobyte of memory beside its bytes while it is. */
export function isShort(frameLength: number): boolean {
  return 0 < frameLength && frameLength < smallLength
}

/**
 * Pieces as the chunks of a stream: neighbours that are small are joined to chunks of about a step, large ones go as they are,
 * empty ones not at all. Each is made when it is asked for: what is held until a signature holds is not held twice.
 */
export function* chunksOf(pieces: readonly Uint8Array[]): Generator<Uint8Array, void> {
  let small: Uint8Array[] = []
  let smallBytes = 0
  for (const piece of pieces) {
    if (piece.length === 0) continue
    const isLarge = piece.length >= smallLength
    if (small.length > 0 && (isLarge || smallBytes >= runLength)) {
      yield engine.join(small)
      small = []
      smallBytes = 0
    }
    if (isLarge) yield piece
    else {
      small.push(piece)
      smallBytes += piece.length
    }
  }
  if (small.length > 0) yield engine.join(small)
}
