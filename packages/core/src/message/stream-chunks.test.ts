import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { decryptDuplex, encryptDuplex } from '../node/duplex.ts'
import { pattern } from '../pattern.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { cut, type Driven, driveDuplex, driveWeb, streamKinds } from './stream-kinds.test-support.ts'

const { envelope, dataKey } = setUp(0x0478)
const plaintext = pattern(200_000)
const message = await envelope.encrypt(plaintext, { frameLength: 30_000 })

/** Each chunk's memory is overwritten as soon as the next one is asked for, which is when its write has settled. */
function* overwritten(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) {
    const copy = Uint8Array.from(chunk)
    yield copy
    copy.fill(0xee)
  }
}

describe.each(streamKinds)('chunks of a $kind', ({ encrypt, decrypt }) => {
  test.each([7_001, 30_000, 65_536, 200_000])(
    'of %i bytes may be overwritten once their write has settled',
    async (length) => {
      const sealed = await encrypt(envelope, overwritten(cut(plaintext, length)), { frameLength: 30_000 })
      expect(readMessage(sealed.output, dataKey).plaintext.equals(plaintext)).toBe(true)
      const opened = await decrypt(envelope, overwritten(cut(message, length)))
      expect(opened.output.equals(plaintext)).toBe(true)
    },
  )

  test('share no memory with what was written, or with each other, and none is empty', async () => {
    for (const frameLength of [3, 30_000, 150_000]) {
      const plain = plaintext.subarray(0, 10 * frameLength)
      const whole = await envelope.encrypt(plain, { frameLength })
      const runs: readonly (readonly [Uint8Array, Driven])[] = [
        [plain, await encrypt(envelope, [plain], { frameLength })],
        [whole, await decrypt(envelope, [whole])],
      ]
      for (const [input, { chunks }] of runs) {
        const buffers = chunks.map((chunk) => chunk.buffer)
        expect(buffers.includes(input.buffer)).toBe(false)
        expect(new Set(buffers).size).toBe(chunks.length)
        expect(Math.min(...chunks.map((chunk) => chunk.length))).toBeGreaterThan(0)
      }
    }
    const { output, chunks } = await decrypt(envelope, [await envelope.encrypt(new Uint8Array(0))])
    expect([output.length, chunks.length]).toEqual([0, 0])
  })

  test('on shared memory are refused', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(10))
    for (const run of [encrypt, decrypt]) {
      expect((await run(envelope, [shared])).error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })
})

describe('chunks of a web stream', () => {
  const transferred = pattern(9)
  structuredClone(transferred, { transfer: [transferred.buffer] })

  test.each([
    ['text', 'text'],
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['an array', [1, 2, 3]],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a view of another kind', new Uint16Array(3)],
    ['a buffer that was transferred away', transferred],
  ])('that are %s are refused', async (_, chunk) => {
    for (const stream of [envelope.encryptStream(), envelope.decryptStream()]) {
      const { error, output } = await driveWeb(stream, [chunk as Uint8Array]) // what plain JavaScript may write
      expect(KeyfoldError.is(error) && error.code).toBe('INVALID_ARGUMENT')
      expect(output.subarray(200).length).toBe(0)
    }
  })

  test('are plain arrays that may be transferred, whatever the engine made', async () => {
    const { chunks } = await driveWeb(envelope.decryptStream(), [message])
    for (const chunk of chunks) {
      expect(chunk.constructor).toBe(Uint8Array)
      structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] }) // not shared: the test above
      expect(chunk.length).toBe(0)
    }
  })

  const gone: readonly (readonly [string, (chunk: Uint8Array<ArrayBuffer>) => void])[] = [
    ['transferred away', (chunk) => void structuredClone(chunk, { transfer: [chunk.buffer] })],
    ['shortened', (chunk) => chunk.buffer.resize(50_000)],
  ]
  test.each(gone)('that are %s while they are written make no message without them', async (_, takeAway) => {
    const { readable, writable } = envelope.encryptStream({ frameLength: 30_000 })
    const chunk = new Uint8Array(new ArrayBuffer(200_000, { maxByteLength: 200_000 }), 0, 200_000)
    const writer = writable.getWriter()
    void writer.write(chunk)
    const reader = readable.getReader()
    while (((await reader.read()).value?.length ?? 0) < 30_000); // it is being read
    takeAway(chunk)
    writer.close().catch(() => undefined)
    const read = async (): Promise<void> => {
      while (!(await reader.read()).done);
    }
    await expect(read()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('chunk') })
  })
})

test('a Duplex takes text in the encoding that is named, as Node streams do', async () => {
  const sealing = encryptDuplex(envelope)
  sealing.write('SGVsbG8=', 'base64')
  sealing.write(' ä')
  const { output } = await driveDuplex(sealing, [])
  expect((await driveDuplex(decryptDuplex(envelope), [output])).output.toString()).toBe('Hello ä')
})
