import { type FramesAtHand, finalLength, measureFrames, regularLength } from '../wire/frame.ts'
import { join } from './assembly.ts'

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

/** Whole frames at the start of a part of a body, of all that is there as many as are worked on in one step. */
export function runAtHand(bytes: Uint8Array, frameLength: number, sequenceNumber: number): FramesAtHand {
  const most = frameLength === 0 ? bytes.length : Math.max(runLength, finalLength(frameLength))
  return measureFrames(bytes.subarray(0, most), frameLength, sequenceNumber)
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
      yield join(small)
      small = []
      smallBytes = 0
    }
    if (isLarge) yield piece
    else {
      small.push(piece)
      smallBytes += piece.length
    }
  }
  if (small.length > 0) yield join(small)
}
