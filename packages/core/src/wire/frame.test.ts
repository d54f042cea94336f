import { describe, expect, test } from 'vitest'
import { bodyAad, u32, u64 } from '../message/reference-format.test-support.ts'
import { writeMessage } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { Cursor } from './cursor.ts'
import { formatFooter, parseFooter } from './footer.ts'
import {
  countFrames,
  formatFrameHead,
  framedLength,
  ivOf,
  maxBodyAadLength,
  measureFrames,
  parseFrame,
  writeBodyAad,
} from './frame.ts'

const frameLength = 10
const iv = Buffer.alloc(12, 7)
const tag = Buffer.alloc(16, 9)
const regular = (number: number): Buffer => Buffer.concat([u32(number), iv, pattern(frameLength), tag])
const final = (number: number, length: number): Buffer => {
  return Buffer.concat([u32(0xffff_ffff), u32(number), iv, u32(length), pattern(length), tag])
}
const unframed = (length: number): Buffer => Buffer.concat([iv, u64(length), pattern(length), tag])

describe('a body measured', () => {
  test('is whole frames, up to the final one and no further', () => {
    const body = Buffer.concat([regular(1), regular(2), final(3, 4)])
    expect(measureFrames(body, frameLength)).toEqual({ length: body.length, count: 3, final: true, due: 0 })
    expect(measureFrames(Buffer.concat([body, regular(4)]), frameLength).length).toBe(body.length)
    expect(measureFrames(final(1, 0), frameLength)).toEqual({ length: 40, count: 1, final: true, due: 0 })
    expect(measureFrames(unframed(5), 0)).toEqual({ length: 41, count: 1, final: true, due: 0 })
  })

  test('counts no frame that is not all there, cut at any byte, and says how much it takes to read on', () => {
    const body = Buffer.concat([regular(1), final(2, 4)])
    for (let length = 0; length < body.length; length++) {
      const whole = length < 42 ? 0 : 1
      const rest = length - whole * 42
      const due = rest < 4 ? 4 : whole === 0 ? 42 : rest < 24 ? 24 : 44
      const expected = { length: whole * 42, count: whole, final: false, due }
      expect(measureFrames(body.subarray(0, length), frameLength), `cut at ${length}`).toEqual(expected)
    }
    for (let length = 0; length < 41; length++) {
      const none = { length: 0, count: 0, final: false, due: length < 20 ? 20 : 41 }
      expect(measureFrames(unframed(5).subarray(0, length), 0)).toEqual(none)
    }
  })

  test('begins with the number that is due', async () => {
    expect(measureFrames(Buffer.concat([regular(7), final(8, 4)]), frameLength, 7).count).toBe(2)
    expect(await codeOf(() => measureFrames(regular(8), frameLength, 7))).toBe('MALFORMED_MESSAGE')
  })

  // spec: data-format/message-body.md#final-frame/3
  // spec: client-apis/decrypt.md#decrypt-the-message-body/7
  test('refuses a final frame longer than the frame length', async () => {
    expect(measureFrames(final(1, frameLength), frameLength).final).toBe(true)
    expect(await codeOf(() => measureFrames(final(1, frameLength + 1), frameLength))).toBe('MALFORMED_MESSAGE')
    expect(await codeOf(() => parseFrame(new Cursor(final(1, frameLength + 1)), frameLength, 1))).toBe(
      'MALFORMED_MESSAGE',
    )
  })

  // spec: data-format/message-body.md#encrypted-content-length/1
  test('refuses an unframed body over 2^36 − 32 bytes', async () => {
    const claims = (length: number): Buffer => Buffer.concat([iv, u64(length)])
    expect(measureFrames(claims(2 ** 36 - 32), 0).final).toBe(false)
    expect(await codeOf(() => measureFrames(claims(2 ** 36 - 31), 0))).toBe('MALFORMED_MESSAGE')
    expect(await codeOf(() => measureFrames(Buffer.alloc(20, 0xff), 0))).toBe('MALFORMED_MESSAGE')
  })
})

describe('a frame read', () => {
  test('is its parts, as views, with the cursor behind it', () => {
    const bytes = Buffer.concat([regular(7), final(8, 4)])
    const cursor = new Cursor(bytes)
    const first = parseFrame(cursor, frameLength, 7)
    expect({ ...first, content: [...first.content] }).toMatchObject({
      kind: 'regular',
      sequenceNumber: 7,
      iv: expect.objectContaining({ length: 12 }),
      content: [...pattern(frameLength)],
    })
    expect(first.content.buffer).toBe(bytes.buffer)
    const last = parseFrame(cursor, frameLength, 8)
    expect([last.kind, last.sequenceNumber, [...last.content]]).toEqual(['final', 8, [...pattern(4)]])
    expect([Buffer.compare(last.iv, iv), Buffer.compare(last.tag, tag), cursor.offset]).toEqual([0, 0, bytes.length])
    const whole = parseFrame(new Cursor(unframed(3)), 0, 1)
    expect([whole.kind, whole.sequenceNumber, [...whole.content]]).toEqual(['unframed', 1, [...pattern(3)]])
  })

  test('must have the number that is due', async () => {
    for (const wrong of [0, 1, 3, 0xffff_fffe]) {
      expect(await codeOf(() => parseFrame(new Cursor(regular(wrong)), frameLength, 2))).toBe('MALFORMED_MESSAGE')
      expect(await codeOf(() => parseFrame(new Cursor(final(wrong, 1)), frameLength, 2))).toBe('MALFORMED_MESSAGE')
    }
  })

  test('must be all there', async () => {
    for (const whole of [regular(1), final(1, 4), unframed(4)]) {
      const length = whole.length === 40 ? 0 : frameLength
      for (let cut = 0; cut < whole.length; cut++) {
        const run = () => parseFrame(new Cursor(whole.subarray(0, cut)), length, 1)
        expect(await codeOf(run)).toBe('MALFORMED_MESSAGE')
      }
    }
  })
})

test('the iv of a frame is its number, and the text that it is authenticated with tells kind, number and length', () => {
  for (const final of [false, true]) {
    const iv = ivOf(formatFrameHead(final, 0x01020304, 7))
    expect(Buffer.from(iv).toString('hex')).toBe('000000000000000001020304')
  }
  const messageId = Buffer.from(pattern(32))
  for (const kind of ['regular', 'final', 'unframed'] as const) {
    const space = new Uint8Array(maxBodyAadLength)
    const aad = space.subarray(0, writeBodyAad(space, messageId, kind, 0xfffffffe, 2 ** 33 + 1))
    expect(Buffer.from(aad).toString('hex')).toBe(bodyAad(messageId, kind, 0xfffffffe, 2 ** 33 + 1).toString('hex'))
  }
})

test('the length of a framed body follows from the plaintext', () => {
  for (const [length, parts] of [
    [0, [0]],
    [1, [1]],
    [9, [9]],
    [10, [10]],
    [11, [10, 1]],
    [20, [10, 10]],
    [21, [10, 10, 1]],
  ] as const) {
    const dataKey = pattern(32)
    const { frames } = writeMessage({ suite: 0x0478, dataKey, frameLength, parts: parts.map((part) => pattern(part)) })
    expect(framedLength(length, frameLength), `${length} bytes`).toBe(Buffer.concat(frames).length)
    expect(countFrames(length, frameLength)).toBe(parts.length)
  }
})

test('a footer is a length and a signature, and nothing behind it', async () => {
  const footer = Buffer.from(formatFooter(pattern(0x0103)))
  expect(footer.subarray(0, 2).toString('hex')).toBe('0103')
  expect(Buffer.compare(parseFooter(footer), pattern(0x0103))).toBe(0)
  expect(await codeOf(() => parseFooter(Buffer.concat([footer, Buffer.of(0)])))).toBe('MALFORMED_MESSAGE')
  expect(await codeOf(() => parseFooter(footer.subarray(0, -1)))).toBe('MALFORMED_MESSAGE')
  expect(await codeOf(() => parseFooter(footer.subarray(0, 1)))).toBe('MALFORMED_MESSAGE')
})
