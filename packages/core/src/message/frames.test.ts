import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import { defaultFrameLength } from './call-options.ts'
import { createEnvelope } from './envelope.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { type MessageSpec, rawAesEntry, writeMessage } from './reference-writer.test-support.ts'

const frameLength = 16
const dataKey = pattern(32, 3)

function spec(parts: readonly number[], more: Partial<MessageSpec> = {}): MessageSpec {
  return { suite: 0x0478, dataKey, frameLength, parts: parts.map((length, index) => pattern(length, index)), ...more }
}

describe('sealing', () => {
  // spec: data-format/message-body.md#final-frame/1
  // spec: data-format/message-body.md#final-frame/2
  // spec: data-format/message-body.md#final-frame/4
  // spec: data-format/message-body.md#final-frame/5
  // spec: client-apis/encrypt.md#construct-the-body/4
  // spec: client-apis/encrypt.md#construct-the-body/5
  // spec: client-apis/encrypt.md#construct-the-body/6
  // spec: client-apis/encrypt.md#construct-the-body/7
  // spec: client-apis/encrypt.md#construct-the-body/8
  // spec: client-apis/encrypt.md#construct-a-frame/5
  // spec: client-apis/encrypt.md#construct-a-frame/6
  // spec: client-apis/encrypt.md#construct-a-frame/7
  // spec: client-apis/encrypt.md#construct-a-frame/8
  test.each([
    [0, [0]],
    [1, [1]],
    [15, [15]],
    [16, [16]],
    [17, [16, 1]],
    [31, [16, 15]],
    [32, [16, 16]],
    [33, [16, 16, 1]],
  ])('%i bytes in frames of 16 gives frames of %j bytes, the last one alone final', async (length, lengths) => {
    for (const suite of [0x0478, 0x0578, 0x0178]) {
      const { dataKey: key, envelope } = setUp(suite)
      const plaintext = pattern(length)
      const bytes = await envelope.encrypt(plaintext, { frameLength, suite })
      const { frames, ...read } = readMessage(bytes, key)
      expect(frames.map((frame) => frame.plaintext.length)).toEqual(lengths)
      expect(frames.map((frame) => frame.kind)).toEqual([...lengths.slice(1).map(() => 'regular'), 'final'])
      expect(read.plaintext.equals(plaintext)).toBe(true)
      const opened = await envelope.decrypt(bytes)
      expect(opened.plaintext).toEqual(plaintext)
    }
  })

  // spec: client-apis/encrypt.md#frame-length/2
  test('frames of one byte, of the whole plaintext, and by default of a length within 256 KiB', async () => {
    const { envelope } = setUp(0x0478)
    expect(readMessage(await envelope.encrypt(pattern(300), { frameLength: 1 }), dataKey).frames.length).toBe(300)
    expect(readMessage(await envelope.encrypt(pattern(300), { frameLength: 300 }), dataKey).frames.length).toBe(1)
    const plaintext = pattern(defaultFrameLength + 1)
    const read = readMessage(await envelope.encrypt(plaintext), dataKey)
    expect(read.frames.map((frame) => frame.plaintext.length)).toEqual([defaultFrameLength, 1])
    expect(read.frameLength).toBe(defaultFrameLength)
    expect(defaultFrameLength).toBeLessThanOrEqual(2 ** 18)
  })

  // spec: client-apis/encrypt.md#un-framed-message-body-encryption/1
  // spec: client-apis/encrypt.md#frame-length/1
  // spec: data-format/message-body.md#framed-data/1
  test('a frame length is 1 to 2^32 − 1: none that makes an unframed message', async () => {
    const keys = spyProvider({ dataKey })
    const envelope = createEnvelope({ keys: keys.provider, limits: { maxFrameLength: Number.POSITIVE_INFINITY } })
    for (const wrong of [0, -1, 1.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY, '16', null]) {
      const run = () => envelope.encrypt(pattern(3), { frameLength: wrong as number })
      expect(await codeOf(run), String(wrong)).toBe('INVALID_ARGUMENT')
    }
    expect(keys.calls).toEqual([])
    const read = readMessage(await envelope.encrypt(pattern(3), { frameLength: 2 ** 32 - 1 }), dataKey)
    expect([read.frameLength, read.contentType]).toEqual([2 ** 32 - 1, 2])
  })

  // spec: data-format/message-body.md#framed-data/2
  test('a message has at most 2^32 − 1 frames', async () => {
    const keys = spyProvider({
      before: () => {
        throw new KeyfoldError('ACCESS_DENIED', 'asked')
      },
    })
    const envelope = createEnvelope({ keys: keys.provider })
    const many = new Uint8Array(2 ** 32) // never touched, so that it takes no memory
    expect(await codeOf(() => envelope.encrypt(many, { frameLength: 1 }))).toBe('LIMIT_EXCEEDED')
    expect(keys.calls).toEqual([])
    expect(await codeOf(() => envelope.encrypt(many.subarray(1), { frameLength: 1 }))).toBe('ACCESS_DENIED')
  })
})

describe('opening', () => {
  const { envelope } = setUp(0x0478)
  const open = async (message: MessageSpec): Promise<Buffer> => {
    return Buffer.from((await envelope.decrypt(writeMessage(message).bytes)).plaintext)
  }

  test('reads a message that ends in an empty final frame, and one that ends in a full one', async () => {
    for (const lengths of [[16, 0], [16], [16, 16, 0], [16, 16], [0]]) {
      const message = spec(lengths)
      expect((await open(message)).equals(Buffer.concat(message.parts))).toBe(true)
    }
  })

  test('reads frames whose ivs are not their sequence numbers, as official vectors have them', async () => {
    const ivs = ['ffffffffffffffff00000001', 'ffffffffffffffff00000002', '0123456789abcdef01234567']
    const frameIv = (frame: number): Buffer => Buffer.from(ivs[frame - 1] ?? '', 'hex')
    const message = spec([16, 16, 3], { frameIv })
    expect((await open(message)).equals(Buffer.concat(message.parts))).toBe(true)
  })

  // spec: client-apis/decrypt.md#verify-the-header/4
  test('verifies a header of version 1 with the iv that stands in it', async () => {
    const { envelope: legacy } = setUp(0x0178)
    const { bytes, header } = writeMessage(spec([3], { suite: 0x0178, headerIv: pattern(12, 99) }))
    expect((await legacy.decrypt(bytes)).plaintext).toEqual(pattern(3))
    const zeroed = Buffer.from(bytes).fill(0, header.length - 28, header.length - 16)
    expect(await codeOf(() => legacy.decrypt(zeroed))).toBe('AUTHENTICATION_FAILED')
  })

  // spec: client-apis/decrypt.md#verify-the-header/5
  test('verifies a header of version 2 with an iv of zeros', async () => {
    expect((await open(spec([3]))).equals(pattern(3))).toBe(true)
    expect(await codeOf(() => open(spec([3], { headerIv: pattern(12, 99) })))).toBe('AUTHENTICATION_FAILED')
  })

  test.each([0x0478, 0x0178, 0x0578, 0x0014])('reads an unframed body in suite %i', async (suite) => {
    const { dataKey: key, envelope: reader } = setUp(suite)
    for (const length of [0, 1, 5000]) {
      const { bytes } = writeMessage(
        spec([length], { suite, dataKey: key, frameLength: 0, frameIv: () => pattern(12, 5) }),
      )
      expect((await reader.decrypt(bytes)).plaintext).toEqual(pattern(length))
      expect(await codeOf(() => reader.decrypt(Buffer.concat([bytes, Buffer.of(0)])))).toBe('MALFORMED_MESSAGE')
    }
  })

  // spec: data-format/message-body-aad.md#body-aad-content/1
  // spec: data-format/message-body-aad.md#sequence-number/2
  // spec: data-format/message-body-aad.md#content-length/1
  // spec: client-apis/decrypt.md#decrypt-the-message-body/3
  // spec: client-apis/decrypt.md#decrypt-the-message-body/9
  test('takes an unframed body for nothing but one block with the number 1', async () => {
    expect((await open(spec([5], { frameLength: 0 }))).equals(pattern(5))).toBe(true)
    const numbered = spec([5], { frameLength: 0, sequenceNumber: () => 2, frameIv: () => pattern(12) })
    expect(await codeOf(() => open(numbered))).toBe('AUTHENTICATION_FAILED')
    // A final frame's content and tag as an unframed body: what tells them apart is authenticated.
    const framed = writeMessage(spec([5], { messageId: pattern(32) }))
    const { header } = writeMessage(spec([5], { messageId: pattern(32), frameLength: 0 }))
    const [frame = Buffer.alloc(0)] = framed.frames
    const length = Buffer.concat([Buffer.alloc(4), frame.subarray(20, 24)])
    const disguised = Buffer.concat([header, frame.subarray(8, 20), length, frame.subarray(24)])
    expect(await codeOf(() => envelope.decrypt(disguised))).toBe('AUTHENTICATION_FAILED')
  })

  // spec: client-apis/decrypt.md#decrypt-the-message-body/10
  // spec: client-apis/decrypt.md#decrypt-the-message-body/11
  test.each([
    ['starts at 0', (frame: number) => frame - 1],
    ['starts at 2', (frame: number) => frame + 1],
    ['leaves a number out', (frame: number) => (frame === 3 ? 4 : frame)],
    ['repeats a number', (frame: number) => (frame === 2 ? 1 : frame)],
    ['runs backwards', (frame: number) => 4 - frame],
  ])('refuses a body that %s, though every tag holds', async (_, sequenceNumber) => {
    const frameIv = (frame: number): Uint8Array => pattern(12, frame)
    expect(await codeOf(() => open(spec([16, 16, 3], { sequenceNumber, frameIv })))).toBe('MALFORMED_MESSAGE')
  })

  test('refuses a final frame longer than the frame length, though its tag holds', async () => {
    expect(await codeOf(() => open(spec([17])))).toBe('MALFORMED_MESSAGE')
    expect(await codeOf(() => open(spec([16, 17])))).toBe('MALFORMED_MESSAGE')
  })

  test.each([
    [
      ['z', '1'],
      ['a', '2'],
      ['m', '3'],
    ],
    [
      ['a', '1'],
      ['1', '2'],
    ],
    [
      ['2', '1'],
      ['10', '2'],
    ],
  ] as const)(
    'opens a header whose context is not sorted, under a wrapping key bound to the sorted one',
    async (...context) => {
      const key = pattern(32, 44)
      const wrap = rawAesEntry(key, 'ns', 'k')
      const { bytes } = writeMessage(spec([3], { context, keepsOrder: true, wrap }))
      const reader = createEnvelope({ keys: rawAes({ namespace: 'ns', name: 'k', key }) })
      for (const expected of [undefined, Object.fromEntries(context)]) {
        const opened = await reader.decrypt(bytes, { context: expected })
        expect({ ...opened.context }).toEqual(Object.fromEntries(context))
      }
    },
  )
})
