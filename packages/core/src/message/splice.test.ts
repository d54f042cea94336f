import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { newSigner, type ReferenceMessage, writeMessage } from './reference-writer.test-support.ts'

const dataKey = pattern(32, 3)
const { envelope } = setUp(0x0478)
const parts = [pattern(16, 1), pattern(16, 2), pattern(16, 3), pattern(16, 4)]
const write = (more: { readonly messageId?: Uint8Array; readonly suite?: number } = {}): ReferenceMessage => {
  return writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts, ...more })
}
const { header, frames, bytes } = write()
const [first, second, third, last] = frames as readonly [Buffer, Buffer, Buffer, Buffer] // as many as there are parts
const other = write()
const [otherFirst, , , otherLast] = other.frames as readonly [Buffer, Buffer, Buffer, Buffer]

describe('a message of whole and authentic frames is refused where they', () => {
  test.each([
    ['are reordered', [second, first, third, last]],
    ['are reordered, late', [first, third, second, last]],
    ['repeat at the start', [first, first, second, third, last]],
    ['repeat in the place of another', [first, first, third, last]],
    ['lack the first', [second, third, last]],
    ['lack one in the middle', [first, third, last]],
    ['lack the one before the final', [first, second, last]],
    ['lack the final frame', [first, second, third]],
    ['are none', []],
    ['are the final frame alone', [last]],
    ['have two final frames', [first, second, third, last, last]],
    ['end early, with a frame behind the final one', [first, second, last, third]],
  ])('%s', async (_, pieces) => {
    expect(await codeOf(() => envelope.decrypt(Buffer.concat([header, ...pieces])))).toBe('MALFORMED_MESSAGE')
  })

  test.each([
    ['come from another message under the same data key', [otherFirst, second, third, last]],
    ['end in the final frame of another message', [first, second, third, otherLast]],
    ['are all of another message', other.frames],
  ])('%s', async (_, pieces) => {
    expect(await codeOf(() => envelope.decrypt(Buffer.concat([header, ...pieces])))).toBe('AUTHENTICATION_FAILED')
  })

  test('are renumbered to fit', async () => {
    const renumbered = (frame: Buffer, number: number): Buffer => {
      const copy = Buffer.from(frame)
      copy.writeUInt32BE(number, 0)
      return copy
    }
    for (const pieces of [
      [renumbered(second, 1), renumbered(first, 2), third, last],
      [first, renumbered(first, 2), third, last],
    ]) {
      expect(await codeOf(() => envelope.decrypt(Buffer.concat([header, ...pieces])))).toBe('AUTHENTICATION_FAILED')
    }
  })

  test('have a regular frame made final, or a final one made regular', async () => {
    const mark = Buffer.from('ffffffff', 'hex')
    const madeFinal = Buffer.concat([mark, second.subarray(0, 16), Buffer.from('00000010', 'hex'), second.subarray(16)])
    const truncated = Buffer.concat([header, first, madeFinal])
    expect(await codeOf(() => envelope.decrypt(truncated))).toBe('AUTHENTICATION_FAILED')
    const madeRegular = Buffer.concat([last.subarray(4, 20), last.subarray(24)])
    const empty = writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts: [...parts, pattern(0)] }).frames
    const extended = Buffer.concat([header, first, second, third, madeRegular, empty.at(-1) ?? last])
    expect(await codeOf(() => envelope.decrypt(extended))).toBe('AUTHENTICATION_FAILED')
  })
})

// spec: client-apis/decrypt.md#behavior/3
test('a message that is cut, padded or out of order is refused before any key is asked, and one that is altered after', async () => {
  const { spy, envelope: counted } = setUp(0x0478)
  for (const wrong of [bytes.subarray(0, -1), Buffer.concat([header, first]), Buffer.concat([bytes, Buffer.of(0)])]) {
    expect(await codeOf(() => counted.decrypt(wrong))).toBe('MALFORMED_MESSAGE')
  }
  expect(await codeOf(() => counted.decrypt(Buffer.concat([header, second, first, third, last])))).toBe(
    'MALFORMED_MESSAGE',
  )
  expect(spy.calls).toEqual([])
  const altered = Buffer.from(bytes)
  altered.writeUInt8(altered.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  expect(await codeOf(() => counted.decrypt(altered))).toBe('AUTHENTICATION_FAILED')
  expect(spy.calls).toEqual(['unwrapDataKey'])
})

test('a header goes with no other message under the same data key', async () => {
  expect(await codeOf(() => envelope.decrypt(Buffer.concat([other.header, ...frames])))).toBe('AUTHENTICATION_FAILED')
  expect(await codeOf(() => envelope.decrypt(Buffer.concat([bytes, other.bytes])))).toBe('MALFORMED_MESSAGE')
})

test('a signed message loses its signature in no way that opens', async () => {
  const signer = newSigner(0x0578)
  const spec = { suite: 0x0578, dataKey, frameLength: 16, parts, signer }
  const signed = writeMessage(spec)
  const unsigned = Buffer.concat([signed.header, ...signed.frames])
  expect(await codeOf(() => envelope.decrypt(unsigned))).toBe('MALFORMED_MESSAGE')
  const renamed = Buffer.from(unsigned)
  renamed.writeUInt16BE(0x0478, 1)
  expect(await codeOf(() => envelope.decrypt(renamed))).toBe('MALFORMED_MESSAGE')
  const foreign = writeMessage({ ...spec, messageId: signed.messageId, parts: parts.toReversed() })
  const swapped = Buffer.concat([signed.header, ...foreign.frames, signed.footer])
  expect(await codeOf(() => envelope.decrypt(swapped))).toBe('AUTHENTICATION_FAILED')
})
