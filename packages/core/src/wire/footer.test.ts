import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { suites } from '../suite/table.ts'
import { footerAtEnd, formatFooter, longestFooter } from './footer.ts'

/** An integer of so many bytes, the first of them such that it needs no sign byte. */
const integer = (length: number): number[] => [2, length, 1, ...Array<number>(length - 1).fill(0xaa)]

/** A signature as DER writes it: a sequence of two integers. */
function signature(r: number, s: number): Uint8Array {
  const content = [...integer(r), ...integer(s)]
  return Uint8Array.from([0x30, content.length, ...content])
}

const algorithms = [...suites.values()].flatMap(({ signature: algorithm }) => algorithm ?? [])
const p384 = 49
/** What the longest footer of any algorithm takes up: no less is read from a message's end. */
const most = 2 + 2 + 2 * (2 + p384)

/** The end of a message: so much of its body as there is room for, then the footer. */
function tailOf(footer: Uint8Array, body: Uint8Array): Uint8Array {
  const room = Math.max(0, most - footer.length)
  return Uint8Array.from([...body.subarray(body.length - room), ...footer])
}

describe('the footer at a message’s end', () => {
  const zeros = new Uint8Array(most)

  test('is found for every length that a signature may have', () => {
    for (let r = 1; r <= p384; r++) {
      for (let s = 1; s <= p384; s++) {
        const footer = formatFooter(signature(r, s))
        expect(footerAtEnd(tailOf(footer, zeros)), `${r} and ${s} bytes`).toBe(footer.length)
      }
    }
  })

  test('is at most as long as the longest that its algorithm has', () => {
    expect(algorithms.map((algorithm) => longestFooter(algorithm))).toEqual([106, 106, 106, 74])
    for (const algorithm of algorithms) {
      const { publicKeyLength } = algorithm // of a compressed point: a sign byte and a coordinate
      const footer = formatFooter(signature(publicKeyLength, publicKeyLength))
      expect(footer.length).toBe(longestFooter(algorithm))
    }
  })

  test('is found behind any body, where the signature is not four bytes shorter than the longest', () => {
    // What a footer begins with, and nothing else: what would look most like one.
    const marks = [0x00, 0x30, 97, 98, 99, 100, 101, 102, 103, 104]
    const body = fc.array(fc.constantFrom(...marks), { minLength: most, maxLength: most })
    const integers = fc.constantFrom([p384, p384], [p384 - 1, p384], [p384 - 1, p384 - 1], [p384 - 2, p384 - 1])
    fc.assert(
      fc.property(body, integers, (bytes, [r = 0, s = 0]) => {
        const footer = formatFooter(signature(r, s))
        expect(footerAtEnd(tailOf(footer, Uint8Array.from(bytes)))).toBe(footer.length)
      }),
      { numRuns: 1000 },
    )
  })

  test('is not found where its length, its mark or the length of its sequence is another', () => {
    const footer = formatFooter(signature(48, 48))
    for (const at of [0, 1, 2, 3]) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = footer.slice()
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        expect(footerAtEnd(tailOf(damaged, zeros)), `byte ${at}, bit ${bit}`).toBeUndefined()
      }
    }
  })

  test('is not found in a tail that is cut, goes on behind it, or is shorter than any', () => {
    const footer = formatFooter(signature(48, 48))
    for (let cut = 1; cut < footer.length; cut++) {
      expect(footerAtEnd(tailOf(footer.subarray(0, -cut), zeros))).toBeUndefined()
      expect(footerAtEnd(footer.subarray(cut))).toBeUndefined()
    }
    expect(footerAtEnd(tailOf(Uint8Array.of(...footer, 0), zeros))).toBeUndefined()
    for (let length = 0; length < 4; length++) expect(footerAtEnd(new Uint8Array(length))).toBeUndefined()
  })
})
