import { engine } from '#engine'

/*
 * How a message goes through a stream: in steps that are worth their cost, however small its frames are, and take little
 * memory, however much of it is there.
 */

/** How many bytes of small frames are worked on in one step. */
export const runLength: number = 64 * 1024

/** Joining copies, and a chunk costs a stream about as much as copying so many bytes. */
const smallLength = 8 * 1024

/** How many whole frames to work on in one step, of so many bytes at hand. */
export function framesInRun(bytesAtHand: number, frameLength: number): number {
  return Math.floor(Math.min(bytesAtHand, Math.max(runLength, frameLength)) / frameLength)
}

/** Pieces as the chunks of a stream: neighbours that are small are joined, large ones go as they are, empty ones not at all. */
export function chunksOf(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = []
  let small: Uint8Array[] = []
  const flush = (): void => {
    if (small.length > 0) chunks.push(engine.join(small))
    small = []
  }
  for (const piece of pieces) {
    if (piece.length === 0) continue
    if (piece.length < smallLength) small.push(piece)
    else {
      flush()
      chunks.push(piece)
    }
  }
  flush()
  return chunks
}
