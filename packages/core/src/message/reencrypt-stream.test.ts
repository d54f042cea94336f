import { afterEach, describe, expect, test, vi } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { inspect } from '../wire/inspect.ts'
import { createEnvelope } from './envelope.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { countKeys } from './key-count.test-support.ts'
import { collect, streamOf } from './reencrypt.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const { envelope: from, spy: fromSpy, dataKey } = setUp(0x0478)
const toSpy = spyProvider({ name: 'new', providerId: 'new' })
const to = createEnvelope({ keys: toSpy.provider })
const plaintext = pattern(1000)
const sealed = await from.encrypt(plaintext, { frameLength: 64, context: { tenant: 't-42' } })

afterEach(() => {
  vi.restoreAllMocks()
})

/** All that comes out before the stream ends or fails, and with what it fails. */
async function outcome(
  readable: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<{ bytes: Uint8Array; code: string }> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of readable) pieces.push(piece)
    return { bytes: Buffer.concat(pieces), code: 'none' }
  } catch (error) {
    return { bytes: Buffer.concat(pieces), code: KeyfoldError.is(error) ? error.code : String(error) }
  }
}

describe('the new header', () => {
  test('is there while the message is under way', async () => {
    const stream = from.reencryptStream(to)
    const writer = stream.writable.getWriter()
    const writing = writer.write(sealed.slice(0, 700))
    const header = await stream.header
    expect([header.suite, header.encryptedDataKeys[0]?.providerId]).toEqual([0x0478, 'new'])
    expect({ ...header.context }).toEqual({ tenant: 't-42' })
    const reading = collect(stream.readable)
    await writing
    await writer.write(sealed.slice(700))
    await writer.close()
    const moved = await reading
    expect(Buffer.from(inspect(moved).messageId).equals(header.messageId)).toBe(true)
    expect((await to.decrypt(moved)).plaintext).toEqual(plaintext)
  })

  test('fails as the stream does, and nobody has to listen', async () => {
    const stream = from.reencryptStream(to)
    const { code } = await outcome(streamOf(pattern(100)).pipeThrough(stream))
    expect(code).toBe('MALFORMED_MESSAGE')
    expect(await codeOf(() => stream.header)).toBe('MALFORMED_MESSAGE')
    await outcome(streamOf(pattern(100)).pipeThrough(from.reencryptStream(to)))
    await new Promise((resolve) => setImmediate(resolve)) // an unhandled rejection would fail the run
  })

  test('shows the withheld pairs of the seal that asks for them', async () => {
    const stream = from.reencryptStream(to, { seal: { withheld: [] } })
    const moved = await collect(streamOf(sealed).pipeThrough(stream))
    expect({ ...inspect(moved).context }).toEqual({ tenant: 't-42' })
  })
})

describe('a message that is damaged on the way', () => {
  test('cut at any byte, fails, and what came out opens nowhere', async () => {
    for (let length = 0; length < sealed.length; length += 7) {
      const { bytes, code } = await outcome(
        streamOf(sealed.subarray(0, length), 200).pipeThrough(from.reencryptStream(to)),
      )
      expect(code).toBe('MALFORMED_MESSAGE')
      expect(await codeOf(() => to.decrypt(bytes))).toBe('MALFORMED_MESSAGE')
    }
  })

  test('with a byte changed in any part, fails, and what came out opens nowhere', async () => {
    for (let offset = 0; offset < sealed.length; offset += 11) {
      const damaged = sealed.map((byte, at) => (at === offset ? byte ^ 1 : byte))
      const stream = from.reencryptStream(to, { seal: { frameLength: 16 } })
      const { bytes, code } = await outcome(streamOf(damaged, 200).pipeThrough(stream))
      expect(['MALFORMED_MESSAGE', 'AUTHENTICATION_FAILED', 'NO_USABLE_KEY', 'LIMIT_EXCEEDED']).toContain(code)
      expect(await codeOf(() => to.decrypt(bytes)), `byte ${offset}`).toBe('MALFORMED_MESSAGE')
    }
  })

  test('with anything behind its end, fails, and what came out opens nowhere', async () => {
    const longer = Buffer.concat([sealed, Buffer.of(0)])
    const { bytes, code } = await outcome(streamOf(longer).pipeThrough(from.reencryptStream(to)))
    expect(code).toBe('MALFORMED_MESSAGE')
    expect(await codeOf(() => to.decrypt(bytes))).toBe('MALFORMED_MESSAGE')
  })
})

describe('a signed message', () => {
  const parts = [pattern(16), pattern(16, 1), pattern(5, 2)]
  const signed = writeMessage({ suite: 0x0578, dataKey, frameLength: 16, parts }).bytes
  const forged = Buffer.from(signed)
  forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1)

  test.each(['hold', 'release'] as const)('is moved whole, where it is to %s', async (mode) => {
    const moved = await collect(streamOf(signed).pipeThrough(from.reencryptStream(to, { signed: mode })))
    expect((await to.decrypt(moved)).plaintext).toEqual(Uint8Array.from(Buffer.concat(parts)))
  })

  test('is not sealed by a byte before its signature holds, where it is held', async () => {
    toSpy.calls.length = 0
    const { bytes, code } = await outcome(streamOf(forged).pipeThrough(from.reencryptStream(to)))
    expect([code, bytes.length, toSpy.calls.length]).toEqual(['AUTHENTICATION_FAILED', 0, 0])
  })

  test('has no end before its signature holds, where it is released', async () => {
    for (const frameLength of [1, 16, 5, 37, 100]) {
      const stream = from.reencryptStream(to, { signed: 'release', seal: { frameLength } })
      const { bytes, code } = await outcome(streamOf(forged).pipeThrough(stream))
      expect(code).toBe('AUTHENTICATION_FAILED')
      expect(await codeOf(() => to.decrypt(bytes))).toBe('MALFORMED_MESSAGE')
    }
  })

  test('is refused before any key call, where it is to be', async () => {
    fromSpy.calls.length = 0
    const { code } = await outcome(streamOf(signed).pipeThrough(from.reencryptStream(to, { signed: 'refuse' })))
    expect([code, fromSpy.calls]).toEqual(['POLICY_VIOLATION', []])
  })

  test('is held up to the limit of the envelope that opens it', async () => {
    const small = createEnvelope({ keys: fromSpy.provider, limits: { maxBufferedBytes: 36 } })
    expect((await outcome(streamOf(signed).pipeThrough(small.reencryptStream(to)))).code).toBe('LIMIT_EXCEEDED')
  })
})

test('no more of a message is taken in than a few frames ahead of what is taken out', async () => {
  const length = 4 * 2 ** 20
  const long = await from.encrypt(new Uint8Array(length), { frameLength: 32 * 1024 })
  const seal = { frameLength: 32 * 1024 }
  let taken = 0
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken >= long.length) return controller.close()
        controller.enqueue(long.slice(taken, taken + 16_384))
        taken += 16_384
      },
    },
    { highWaterMark: 0 },
  )
  let given = 0
  let mostAhead = 0
  for await (const piece of source.pipeThrough(from.reencryptStream(to, { seal }))) {
    for (let turns = 20; turns > 0; turns--) await undefined // so that whatever would run ahead does
    given += piece.length
    mostAhead = Math.max(mostAhead, taken - given)
  }
  expect(given).toBeGreaterThan(length)
  expect(mostAhead).toBeLessThan(512 * 1024)
})

describe('given up at any moment', () => {
  const ways = {
    'by its signal': (controller: AbortController) => controller.abort(new Error('enough')),
    'by its reader': (_: AbortController, reader: ReadableStreamDefaultReader) =>
      void reader.cancel().catch(() => undefined),
    'by its writer': (
      _: AbortController,
      _reader: ReadableStreamDefaultReader,
      writer: WritableStreamDefaultWriter<Uint8Array>,
    ) => void writer.abort(new Error('enough')).catch(() => undefined),
  }

  test.each(Object.entries(ways))('%s, it releases the keys of both sides', async (_, giveUp) => {
    const made = new Set<number>()
    for (let moment = 0; moment < 40; moment++) {
      const count = countKeys()
      fromSpy.secrets.length = 0
      toSpy.secrets.length = 0
      const controller = new AbortController()
      const stream = from.reencryptStream(to, { signal: controller.signal, seal: { frameLength: 16 } })
      const [writer, reader] = [stream.writable.getWriter(), stream.readable.getReader()]
      const sides = [writeAll(writer), readAll(reader)]
      for (let turn = 0; turn < moment * 5; turn++) await undefined
      giveUp(controller, reader, writer)
      await Promise.allSettled([...sides, writer.closed, reader.closed])
      await new Promise((resolve) => setImmediate(resolve)) // an unhandled rejection would fail the run
      expect(count.disposed, `moment ${moment}`).toBe(count.made)
      const secrets = [...fromSpy.secrets, ...toSpy.secrets]
      expect(
        secrets.every((secret) => secret.released),
        `moment ${moment}`,
      ).toBe(true)
      made.add(count.made)
      vi.restoreAllMocks()
    }
    expect(made).toEqual(new Set([0, 1, 2])) // the moments are of every kind
  })

  test('while it waits for more of the message, it fails with ABORTED, on all sides', async () => {
    const count = countKeys()
    const controller = new AbortController()
    const stream = from.reencryptStream(to, { seal: { signal: controller.signal } })
    const writer = stream.writable.getWriter()
    const reading = outcome(stream.readable)
    await writer.write(sealed.slice(0, 700))
    controller.abort()
    expect((await reading).code).toBe('ABORTED')
    expect(await codeOf(() => writer.closed)).toBe('ABORTED')
    await new Promise((resolve) => setImmediate(resolve)) // the sides fail at once, and then the generators end
    expect(count).toEqual({ made: 2, disposed: 2 })
  })

  async function writeAll(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    for (let at = 0; at < sealed.length; at += 50) await writer.write(sealed.slice(at, at + 50))
    await writer.close()
  }

  async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (let done = false; !done; ) ({ done } = await reader.read())
  }
})
