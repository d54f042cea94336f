import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { framedLength, maxFrames } from './frame.ts'
import { layoutOf, plaintextLength, spanOf } from './offsets.ts'

/** The lengths of a regular frame and of the final one, from the drawing in frame.ts. */
const regular = (frameLength: number): number => 4 + 12 + frameLength + 16
const final = (contentLength: number): number => 4 + 4 + 12 + 4 + contentLength + 16

describe('the layout of a body', () => {
  const frameLengths = [1, 2, 7, 8, 9, 16, 31, 32, 33, 4096, 2 ** 24, 0xffff_ffff]

  test.each(frameLengths)('gives back the plaintext of every edge, in frames of %i bytes', (frameLength) => {
    for (const length of [0, 1, frameLength - 1, frameLength, frameLength + 1, 2 * frameLength, 3 * frameLength - 1]) {
      const layout = layoutOf(framedLength(length, frameLength), frameLength)
      expect(layout && plaintextLength(layout), `${length} bytes`).toBe(length)
    }
  })

  test('has a full final frame where Keyfold writes whole frames, and an empty one where Java and Python do', () => {
    for (const frameLength of frameLengths) {
      const full = 2 * regular(frameLength) + final(frameLength)
      expect(layoutOf(full, frameLength)).toEqual({ frameLength, regularFrames: 2, finalContentLength: frameLength })
      const empty = 3 * regular(frameLength) + final(0)
      expect(layoutOf(empty, frameLength)).toEqual({ frameLength, regularFrames: 3, finalContentLength: 0 })
    }
  })

  test('is none for a length that no body has', () => {
    for (const frameLength of [1, 2, 7, 31, 32, 33, 100]) {
      const bodies = new Set<number>()
      for (let frames = 0; frames < 4; frames++) {
        for (let rest = 0; rest <= frameLength; rest++) bodies.add(frames * regular(frameLength) + final(rest))
      }
      for (let length = 0; length < 4 * regular(frameLength); length++) {
        expect(layoutOf(length, frameLength) !== undefined, `${length} bytes`).toBe(bodies.has(length))
      }
    }
  })

  test('has as many frames as there are sequence numbers, and no more', () => {
    const most = (maxFrames - 1) * regular(1) + final(1)
    expect(layoutOf(most, 1)).toEqual({ frameLength: 1, regularFrames: maxFrames - 1, finalContentLength: 1 })
    expect(layoutOf(maxFrames * regular(1) + final(0), 1)).toBeUndefined()
    expect(layoutOf(Number.MAX_SAFE_INTEGER, 1)).toBeUndefined()
  })

  test('gives back any plaintext length', () => {
    const frameLength = fc.integer({ min: 1, max: 0xffff_ffff })
    const length = fc.maxSafeNat().map((value) => Math.floor(value / 64))
    fc.assert(
      fc.property(frameLength, length, (frames, bytes) => {
        fc.pre(bytes / frames < maxFrames)
        const layout = layoutOf(framedLength(bytes, frames), frames)
        expect(layout && plaintextLength(layout)).toBe(bytes)
      }),
    )
  })
})

describe('a span of frames', () => {
  const layout = { frameLength: 10, regularFrames: 3, finalContentLength: 4 }

  test('lies where its frames do', () => {
    expect(spanOf(layout, 0, 0)).toEqual({ firstSequenceNumber: 1, start: 0, end: 42, final: false })
    expect(spanOf(layout, 1, 2)).toEqual({ firstSequenceNumber: 2, start: 42, end: 126, final: false })
  })

  test('ends with the body where the final frame is in it', () => {
    expect(spanOf(layout, 3, 3)).toEqual({ firstSequenceNumber: 4, start: 126, end: 170, final: true })
    expect(spanOf(layout, 0, 3)).toEqual({ firstSequenceNumber: 1, start: 0, end: 170, final: true })
  })
})
