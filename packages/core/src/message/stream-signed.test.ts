import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import type { DecryptStreamOptions } from './call-options.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import type { Limits } from './envelope-options.ts'
import { forbid, setUp, spyProvider } from './fixtures.test-support.ts'
import { newSigner, type ReferenceMessage, writeMessage } from './reference-writer.test-support.ts'
import { byteByByte, streamKinds } from './stream-kinds.test-support.ts'

const suite = 0x0578
const { dataKey, envelope } = setUp(suite)

function write(lengths: readonly number[], more: { frameLength?: number; suite?: number } = {}): ReferenceMessage {
  return writeMessage({
    suite,
    dataKey,
    frameLength: 16,
    parts: lengths.map((length, at) => pattern(length, at)),
    ...more,
  })
}

function withLimits(limits: Limits): Envelope {
  return createEnvelope({ keys: spyProvider({ dataKey }).provider, limits })
}

/** No more came out than this: a Duplex that fails drops what nobody has read. */
function demandStartOf(most: Uint8Array, output: Buffer): void {
  expect(output.equals(most.subarray(0, output.length)), `${output.length} bytes out`).toBe(true)
}

/** A web stream that is written to by hand: each read says what is given out so far. */
function opening(options: DecryptStreamOptions) {
  const { readable, writable } = envelope.decryptStream(options)
  return { reader: readable.getReader(), writer: writable.getWriter() }
}

const mebibyte = 2 ** 20
const large = await envelope.encrypt(new Uint8Array(65 * mebibyte), { sign: true, frameLength: mebibyte })

describe.each(streamKinds)('a signed message in a $kind', ({ decrypt }) => {
  const { header, frames, footer, bytes } = write([16, 16, 3])
  const forged = writeMessage({ suite, dataKey, frameLength: 16, parts: [pattern(3)], signer: newSigner(suite) }).footer

  // spec: client-apis/decrypt.md#security-considerations/1
  // spec: client-apis/decrypt.md#verify-the-header/8
  test('gives nothing where the signature does not hold, by default', async () => {
    for (const signed of [undefined, 'hold'] as const) {
      const { output, error } = await decrypt(envelope, [header, ...frames, forged], { signed })
      expect([output.length, (error as { code: string }).code]).toEqual([0, 'AUTHENTICATION_FAILED'])
      expect((await decrypt(envelope, byteByByte(bytes), { signed })).output.length).toBe(35)
    }
  })

  // spec: client-apis/decrypt.md#decrypt-the-message-body/16
  test('gives all but the last frame where the signature does not hold, released', async () => {
    for (const wrong of [forged, footer.subarray(0, -1), Buffer.concat([footer, Buffer.of(0)])]) {
      const { output, error } = await decrypt(envelope, byteByByte(Buffer.concat([header, ...frames, wrong])), {
        signed: 'release',
      })
      demandStartOf(Buffer.concat([pattern(16), pattern(16, 1)]), output)
      expect(error).toMatchObject({ code: expect.stringMatching(/AUTHENTICATION_FAILED|MALFORMED_MESSAGE/) })
    }
    expect((await decrypt(envelope, [bytes], { signed: 'release' })).output.length).toBe(35)
  })

  test('holds back the last frame that has anything in it, where the final one is empty', async () => {
    const empty = write([16, 16, 0])
    for (const chunks of [[...empty.frames], [Buffer.concat(empty.frames)]]) {
      const { output } = await decrypt(envelope, [empty.header, ...chunks, forged], { signed: 'release' })
      demandStartOf(pattern(16), output)
    }
    expect((await decrypt(envelope, [empty.bytes], { signed: 'release' })).output.length).toBe(32)
  })

  // spec: client-apis/decrypt.md#behavior/8
  test('is refused before any key call where the caller refuses signed ones', async () => {
    const spy = spyProvider({ dataKey })
    const refusing = createEnvelope({ keys: spy.provider })
    const { output, error, writeError } = await decrypt(refusing, [header], { signed: 'refuse' })
    expect([output.length, (error as { code: string }).code]).toEqual([0, 'POLICY_VIOLATION'])
    expect(writeError).toBeDefined()
    expect(spy.calls).toEqual([])
    const unsigned = writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts: [pattern(3)] }).bytes
    expect((await decrypt(refusing, [unsigned], { signed: 'refuse' })).output.equals(pattern(3))).toBe(true)
  })

  test('is held up to maxBufferedBytes and not a byte more', async () => {
    expect((await decrypt(withLimits({ maxBufferedBytes: 35 }), [bytes])).output.length).toBe(35)
    const { output, error } = await decrypt(withLimits({ maxBufferedBytes: 34 }), byteByByte(bytes))
    expect([output.length, (error as { code: string }).code]).toEqual([0, 'LIMIT_EXCEEDED'])
    const released = await decrypt(withLimits({ maxBufferedBytes: 1 }), [bytes], { signed: 'release' })
    expect(released.output.length).toBe(35)
  })

  test('of 65 MiB is refused by default with nothing given out, and opens released', async () => {
    const held = await decrypt(envelope, [large])
    expect([held.output.length, (held.error as { code: string }).code]).toEqual([0, 'LIMIT_EXCEEDED'])
    const damaged = [large.subarray(0, -1), Uint8Array.of((large.at(-1) ?? 0) ^ 1)]
    const { output, error } = await decrypt(envelope, damaged, { signed: 'release' })
    expect([output.length, (error as { code: string }).code]).toEqual([64 * mebibyte, 'AUTHENTICATION_FAILED'])
  })
})

describe.each(streamKinds)('an unframed body in a $kind', ({ decrypt }) => {
  test.each([0, 1, 40])('of %i bytes is held under the same limit, to the byte', async (length) => {
    const { bytes } = write([length], { frameLength: 0, suite: 0x0478 })
    const most = Math.max(1, length)
    for (const chunks of [[bytes], byteByByte(bytes)]) {
      expect((await decrypt(withLimits({ maxBufferedBytes: most }), chunks)).output.length).toBe(length)
    }
    if (length < 2) return
    // All that follows the length is never waited for.
    const { output, error } = await decrypt(withLimits({ maxBufferedBytes: length - 1 }), [bytes.subarray(0, -50)])
    expect([output.length, (error as { code: string }).code]).toEqual([0, 'LIMIT_EXCEEDED'])
  })

  test('that is signed waits for its signature, released or not', async () => {
    const { header, frames, footer } = write([40], { frameLength: 0, suite: 0x0378 })
    const legacy = createEnvelope({ keys: spyProvider({ dataKey }).provider, commitmentPolicy: forbid })
    for (const signed of ['hold', 'release'] as const) {
      const whole = await decrypt(legacy, [header, ...frames, footer], { signed })
      expect(whole.output.equals(pattern(40))).toBe(true)
      const wrong = await decrypt(legacy, [header, ...frames, Buffer.alloc(footer.length, 1)], { signed })
      expect([wrong.output.length, wrong.error]).toEqual([0, expect.objectContaining({ name: 'KeyfoldError' })])
    }
  })
})

describe('a frame of a message that comes slowly', () => {
  // spec: client-apis/decrypt.md#decrypt-the-message-body/15
  // spec: client-apis/decrypt.md#verify-the-header/7
  test('is given out with its tag, unsigned, and the header with its own', async () => {
    const unsigned = writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts: [pattern(16), pattern(3, 1)] })
    const stream = envelope.decryptStream()
    const [reader, writer] = [stream.readable.getReader(), stream.writable.getWriter()]
    void writer.write(unsigned.header)
    expect(await stream.header).toMatchObject({ suite: 0x0478, frameLength: 16, openedBy: { name: 'spy' } })
    void writer.write(unsigned.frames[0] ?? unsigned.header)
    expect((await reader.read()).value).toEqual(pattern(16))
    void writer.write(unsigned.frames[1] ?? unsigned.header)
    expect((await reader.read()).value).toEqual(pattern(3, 1))
    void writer.close()
    expect((await reader.read()).done).toBe(true)
  })

  test('is given out with the next one, released, and the last one with the signature', async () => {
    const { header, frames, footer } = write([16, 16, 3])
    const { reader, writer } = opening({ signed: 'release' })
    const read: number[] = []
    const reading = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) read.push(next.value[0] ?? -1)
    })()
    const lengths: number[] = []
    for (const part of [header, ...frames, footer]) {
      await writer.write(part)
      lengths.push(read.length)
    }
    await writer.close()
    await reading
    expect(lengths).toEqual([0, 0, 1, 2, 2])
    expect(read).toEqual([0, 1, 2])
  })
})
