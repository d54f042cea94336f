import { finalLength, maxFrames, regularLength } from './frame.ts'

/** Where a framed body's frames lie, worked out from lengths alone: nothing of it is authenticated. */
export interface BodyLayout {
  readonly frameLength: number
  /** How many frames there are before the final one. */
  readonly regularFrames: number
  /** Length in bytes of the final frame's content. */
  readonly finalContentLength: number
}

/** Consecutive frames of a body. */
export interface FrameSpan {
  readonly firstSequenceNumber: number
  /** Where they start and end in the body, in bytes. */
  readonly start: number
  readonly end: number
  /** Whether the last of them is the final one. */
  readonly final: boolean
}

/** @returns undefined where no framed body has this length in bytes */
export function layoutOf(bodyLength: number, frameLength: number): BodyLayout | undefined {
  const frames = bodyLength - finalLength(0)
  const finalContentLength = frames % regularLength(frameLength)
  const regularFrames = Math.floor(frames / regularLength(frameLength))
  if (frames < 0 || finalContentLength > frameLength || regularFrames >= maxFrames) return undefined
  return { frameLength, regularFrames, finalContentLength }
}

/** Length in bytes of all the plaintext. */
export function plaintextLength({ frameLength, regularFrames, finalContentLength }: BodyLayout): number {
  return regularFrames * frameLength + finalContentLength
}

/** The frames from index `first` (the body's first has 0) up to and including `last`. */
export function spanOf(layout: BodyLayout, first: number, last: number): FrameSpan {
  const { frameLength, regularFrames, finalContentLength } = layout
  const final = last === regularFrames
  const end = final
    ? regularFrames * regularLength(frameLength) + finalLength(finalContentLength)
    : (last + 1) * regularLength(frameLength)
  const start = first * regularLength(frameLength)
  return { firstSequenceNumber: first + 1, start, end, final }
}
