import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { newSigner, type ReferenceMessage, writeMessage } from './reference-writer.test-support.ts'
import { cut, streamKinds } from './stream-kinds.test-support.ts'

const dataKey = pattern(32, 3)
const { envelope } = setUp(0x0478)
const parts = [pattern(16, 1), pattern(16, 2), pattern(16, 3), pattern(16, 4)]
const write = (more: { readonly messageId?: Uint8Array; readonly suite?: number } = {}): ReferenceMessage => {
  return writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts, ...more })
}
const { header, frames, bytes } = write()
const [first, second, third, last] = frames as readonly [Buffer, Buffer, Buffer, Buffer] // as many as there are parts
const other = write()
const [otherFirst, otherSecond, , otherLast] = other.frames as readonly [Buffer, Buffer, Buffer, Buffer]

/** What a way of opening gave out, and the code that it ended with. */
type Opens = (bytes: Buffer) => Promise<{ readonly output: Buffer; readonly code: string }>

const ways: readonly (readonly [string, Opens])[] = [
  ['whole', async (message) => ({ output: Buffer.alloc(0), code: await codeOf(() => envelope.decrypt(message)) })],
  ...streamKinds.flatMap(({ kind, decrypt }) =>
    [7, 48, 1000].map((length): [string, Opens] => [
      `by a ${kind}, in chunks of ${length}`,
      async (message) => {
        const { output, error } = await decrypt(envelope, cut(message, length))
        return { output, code: await codeOf(() => Promise.reject(error)) }
      },
    ]),
  ),
]

describe.each(ways)('a message of whole and authentic frames is refused %s where they', (_, open) => {
  /** @param good how many frames in order there are, of which a stream may have given out some */
  async function refuses(pieces: readonly Buffer[], code: string, good: number): Promise<void> {
    const opened = await open(Buffer.concat([header, ...pieces]))
    expect(opened.code).toBe(code)
    const most = Buffer.concat(parts.slice(0, good))
    expect(most.subarray(0, opened.output.length).equals(opened.output), `${opened.output.length} bytes out`).toBe(true)
  }

  test.each([
    ['are reordered', [second, first, third, last], 0],
    ['are reordered, late', [first, third, second, last], 1],
    ['repeat at the start', [first, first, second, third, last], 1],
    ['repeat in the place of another', [first, first, third, last], 1],
    ['lack the first', [second, third, last], 0],
    ['lack one in the middle', [first, third, last], 1],
    ['lack the one before the final', [first, second, last], 2],
    ['lack the final frame', [first, second, third], 3],
    ['are none', [], 0],
    ['are the final frame alone', [last], 0],
    ['have two final frames', [first, second, third, last, last], 4],
    ['have a frame behind the final one', [first, second, third, last, third], 4],
    ['end early, with a frame behind the final one', [first, second, last, third], 2],
  ])('%s', (_, pieces, good) => refuses(pieces, 'MALFORMED_MESSAGE', good))

  test.each([
    ['come from another message under the same data key', [otherFirst, second, third, last], 0],
    ['have one of another message among them', [first, otherSecond, third, last], 1],
    ['end in the final frame of another message', [first, second, third, otherLast], 3],
    ['are all of another message', other.frames, 0],
  ])('%s', (_, pieces, good) => refuses(pieces, 'AUTHENTICATION_FAILED', good))

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
      await refuses(pieces, 'AUTHENTICATION_FAILED', pieces[0] === first ? 1 : 0)
    }
  })

  test('have a regular frame made final, or a final one made regular', async () => {
    const mark = Buffer.from('ffffffff', 'hex')
    const madeFinal = Buffer.concat([mark, second.subarray(0, 16), Buffer.from('00000010', 'hex'), second.subarray(16)])
    await refuses([first, madeFinal], 'AUTHENTICATION_FAILED', 1)
    const madeRegular = Buffer.concat([last.subarray(4, 20), last.subarray(24)])
    const empty = writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts: [...parts, pattern(0)] }).frames
    await refuses([first, second, third, madeRegular, empty.at(-1) ?? last], 'AUTHENTICATION_FAILED', 3)
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
