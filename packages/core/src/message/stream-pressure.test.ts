import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { decryptDuplex, encryptDuplex } from '../node/duplex.ts'
import { pattern } from '../pattern.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { setUp } from './fixtures.test-support.ts'

const { envelope, spy } = setUp(0x0478)
const chunkLength = 64 * 1024
const frameLength = 64 * 1024

/** Gives chunks for ever, or a message over and over, and counts what is taken. */
function source(chunk: Uint8Array): { readonly chunks: AsyncGenerator<Uint8Array>; taken(): number } {
  let taken = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      taken += chunk.length
      yield chunk
    }
  }
  return { chunks: chunks(), taken: () => taken }
}

/** So many turns of the event loop that whatever goes on by itself would have gone far. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
}

// spec: client-apis/streaming.md#overview/1
// spec: client-apis/streaming.md#overview/2
// spec: client-apis/encrypt.md#plaintext/2
// spec: client-apis/encrypt.md#encrypted-message/2
// spec: client-apis/decrypt.md#encrypted-message/2
// spec: client-apis/decrypt.md#plaintext/1
describe('a source is read at the pace of the reader', () => {
  const most = 8 * chunkLength

  test('through web streams', async () => {
    const { chunks, taken } = source(pattern(chunkLength))
    const sealing = envelope.encryptStream({ frameLength })
    const sealed = ReadableStream.from(chunks).pipeThrough(sealing)
    const reader = sealed.pipeThrough(envelope.decryptStream()).getReader()
    await turns()
    expect(taken()).toBeLessThanOrEqual(most)
    let read = 0
    for (let step = 0; step < 40; step++) {
      read += (await reader.read()).value?.length ?? 0
      await turns()
      expect(taken() - read).toBeLessThanOrEqual(most)
    }
    expect(read).toBeGreaterThan(20 * chunkLength)
    await reader.cancel()
  })

  test('through Duplexes', async () => {
    const { chunks, taken } = source(pattern(chunkLength))
    const sealing = encryptDuplex(envelope, { frameLength })
    const opening = decryptDuplex(envelope)
    const from = Readable.from(chunks, { objectMode: false })
    from.pipe(sealing).pipe(opening)
    await turns()
    expect(taken()).toBeLessThanOrEqual(2 * most)
    let read = 0
    for await (const chunk of opening) {
      read += (chunk as Uint8Array).length
      expect(taken() - read).toBeLessThanOrEqual(2 * most)
      if (read > 40 * chunkLength) break
    }
    from.destroy()
    sealing.destroy()
  })
})

describe('one huge chunk', () => {
  test('is sealed and opened at the pace of the reader', async () => {
    const huge = new Uint8Array(256 * frameLength)
    const message = await envelope.encrypt(huge, { frameLength })
    const produced: number[] = []
    for (const [stream, chunk] of [
      [envelope.encryptStream({ frameLength }), huge],
      [envelope.decryptStream(), message],
    ] as const) {
      const reader = stream.readable.getReader()
      const writer = stream.writable.getWriter()
      void writer.write(chunk)
      await reader.read()
      const before = process.memoryUsage().arrayBuffers
      await turns()
      produced.push(process.memoryUsage().arrayBuffers - before)
      await reader.cancel()
    }
    for (const bytes of produced) expect(bytes).toBeLessThan(8 * frameLength)
  })
})

describe('a frame that never ends', () => {
  test('takes no memory by what its header says', async () => {
    const unlimited = createEnvelope({ keys: spy.provider, limits: { maxFrameLength: Number.POSITIVE_INFINITY } })
    const message = await unlimited.encrypt(pattern(9), { frameLength: 0xffff_ffff })
    const head = Buffer.from(message.subarray(0, message.length - 49))
    const before = process.memoryUsage().arrayBuffers
    const { readable, writable } = unlimited.decryptStream()
    const writer = writable.getWriter()
    await writer.write(Buffer.concat([head, Buffer.from('00000001', 'hex'), Buffer.alloc(50)]))
    void writer.write(pattern(100))
    await turns()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
    await readable.cancel()
  })
})
