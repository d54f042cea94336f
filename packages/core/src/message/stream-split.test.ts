import { describe, expect, test, vi } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { rebuild, setUp } from './fixtures.test-support.ts'
import { factsOf } from './reference-format.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'
import { byteByByte, cut, streamKinds } from './stream-kinds.test-support.ts'

const context = { tenant: 't-42' }
const suites = [0x0478, 0x0578, 0x0178, 0x0014]

/** Lengths at which a frame's end, a message's end and the run of frames that is worked on meet. */
const edges = (frameLength: number): readonly number[] => {
  const lengths = [0, 1, frameLength - 1, frameLength, frameLength + 1]
  return [...new Set([...lengths, 2 * frameLength - 1, 2 * frameLength, 2 * frameLength + 1])]
}

describe.each(streamKinds)('a $kind', ({ encrypt, decrypt }) => {
  /** The stream's message is the one-shot's, byte for byte but for what is drawn at random. */
  async function seals(suite: number, plaintext: Uint8Array, frameLength: number, chunks: Iterable<Uint8Array>) {
    const { dataKey, envelope } = setUp(suite)
    const { output, error } = await encrypt(envelope, chunks, { suite, frameLength, context })
    expect(error).toBeUndefined()
    const read = readMessage(output, dataKey) // verifies the signature too
    const rebuilt = rebuild(read, dataKey)
    expect(output.subarray(0, rebuilt.length).equals(rebuilt)).toBe(true)
    if (factsOf(suite).curve === undefined) expect(output.length).toBe(rebuilt.length)
    const oneShot = readMessage(await envelope.encrypt(plaintext, { suite, frameLength, context }), dataKey)
    expect(read.frames.map((frame) => frame.plaintext)).toEqual(oneShot.frames.map((frame) => frame.plaintext))
    expect(read.plaintext.equals(plaintext)).toBe(true)
  }

  async function opens(suite: number, message: Uint8Array, plaintext: Uint8Array, chunks: Iterable<Uint8Array>) {
    const { output, error } = await decrypt(setUp(suite).envelope, chunks, { context: {} })
    expect(error, `${message.length} bytes`).toBeUndefined()
    expect(output.equals(plaintext)).toBe(true)
  }

  // spec: client-apis/streaming.md#inputs/1
  // spec: client-apis/streaming.md#inputs/2
  // spec: client-apis/streaming.md#inputs/3
  // spec: client-apis/streaming.md#outputs/1
  // spec: client-apis/streaming.md#outputs/2
  // spec: client-apis/streaming.md#outputs/3
  describe.each([1, 16])('in frames of %i', (frameLength) => {
    test.each(suites)('seals what comes byte by byte as if it came whole, in suite %i', async (suite) => {
      for (const length of edges(frameLength)) {
        const plaintext = pattern(length)
        await seals(suite, plaintext, frameLength, byteByByte(plaintext))
        await seals(suite, plaintext, frameLength, [plaintext])
      }
    })

    // spec: client-apis/decrypt.md#parse-the-header/4
    // spec: client-apis/decrypt.md#decrypt-the-message-body/2
    // spec: client-apis/decrypt.md#verify-the-signature/3
    test.each(suites)('opens what comes byte by byte as if it came whole, in suite %i', async (suite) => {
      for (const length of edges(frameLength)) {
        const plaintext = pattern(length)
        const message = await setUp(suite).envelope.encrypt(plaintext, { suite, frameLength, context })
        await opens(suite, message, plaintext, byteByByte(message))
        await opens(suite, message, plaintext, [message])
      }
    })
  })

  test('seals plaintext split in two at any byte', async () => {
    const plaintext = pattern(33)
    for (let at = 0; at <= plaintext.length; at++) {
      await seals(0x0478, plaintext, 16, [plaintext.subarray(0, at), plaintext.subarray(at)])
    }
  })

  test.each([0x0478, 0x0214])('opens a message of suite %i split in two at any byte', async (suite) => {
    const plaintext = pattern(17)
    const message = await setUp(suite).envelope.encrypt(plaintext, { suite, frameLength: 16, context })
    for (let at = 0; at <= message.length; at++) {
      await opens(suite, message, plaintext, [message.subarray(0, at), message.subarray(at)])
    }
  })

  test.each(suites)('opens an unframed body of suite %i, byte by byte and whole', async (suite) => {
    const { dataKey } = setUp(suite)
    for (const length of [0, 1, 40]) {
      const { bytes } = writeMessage({ suite, dataKey, frameLength: 0, parts: [pattern(length)] })
      await opens(suite, bytes, pattern(length), byteByByte(bytes))
      await opens(suite, bytes, pattern(length), [bytes])
    }
  })

  test.each([
    ['many frames in one step', 1000, [65_536, 140_001], [999, 65_536, 200_000]],
    ['one frame in many chunks', 70_000, edges(70_000).slice(2), [30_001, 70_000, 200_000]],
  ])('seals and opens %s', async (_, frameLength, lengths, chunkLengths) => {
    for (const length of lengths) {
      const plaintext = pattern(length)
      for (const chunkLength of chunkLengths) {
        await seals(0x0478, plaintext, frameLength, cut(plaintext, chunkLength))
        const message = await setUp(0x0478).envelope.encrypt(plaintext, { frameLength })
        await opens(0x0478, message, plaintext, cut(message, chunkLength))
      }
    }
  })

  test('opens a message that ends in an empty final frame, and frames whose ivs are not their numbers', async () => {
    const { dataKey } = setUp(0x0478)
    for (const lengths of [[16, 0], [16, 16, 0], [0]]) {
      const parts = lengths.map((length, at) => pattern(length, at))
      const { bytes } = writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts, frameIv: (n) => pattern(12, n) })
      await opens(0x0478, bytes, Buffer.concat(parts), byteByByte(bytes))
    }
  })

  test('ignores empty chunks wherever they come', async () => {
    const plaintext = pattern(5)
    const message = await setUp(0x0478).envelope.encrypt(plaintext, { frameLength: 2 })
    const padded = (bytes: Uint8Array): readonly Uint8Array[] =>
      [...byteByByte(bytes)].flatMap((byte) => [new Uint8Array(0), byte, new Uint8Array(0)])
    await seals(0x0478, plaintext, 2, padded(plaintext))
    await opens(0x0478, message, plaintext, padded(message))
  })

  test('has withheld pairs and a context to check', async () => {
    const { envelope } = setUp(0x0478)
    const all = { tenant: 't-42', order: '7' }
    const { output } = await encrypt(envelope, [pattern(5)], { context: all, withheld: ['order'] })
    expect((await decrypt(envelope, [output], { context: all, withheld: ['order'] })).output.equals(pattern(5))).toBe(
      true,
    )
    const refused = await decrypt(envelope, [output], { context: { tenant: 'other' } })
    expect(refused.error).toMatchObject({ code: 'CONTEXT_MISMATCH' })
    const wrong = await decrypt(envelope, [output], { context: { order: '8' }, withheld: ['order'] })
    expect(wrong.error).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  })
})

describe('a header that comes byte by byte', () => {
  test('is decoded once, however many fields it has', async () => {
    const names = Array.from({ length: 500 }, (_, at) => at.toString(36))
    const { dataKey, envelope } = setUp(0x0478)
    const context = names.map((name) => [name, ''] as const)
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, context, frameLength: 16, parts: [pattern(3)] })
    const decoded = vi.spyOn(TextDecoder.prototype, 'decode')
    try {
      for (const { decrypt } of streamKinds) {
        expect((await decrypt(envelope, byteByByte(bytes))).output.equals(pattern(3))).toBe(true)
        expect(decoded.mock.calls.length).toBe(2 * names.length + 1) // names, values and a provider id
        decoded.mockClear()
      }
    } finally {
      decoded.mockRestore()
    }
  })
})
