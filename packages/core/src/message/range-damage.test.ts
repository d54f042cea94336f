import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { countingSource } from './range-source.test-support.ts'
import type { ReferenceEntry } from './reference-format.test-support.ts'
import { newSigner, type ReferenceMessage, spyEntry, writeMessage } from './reference-writer.test-support.ts'

const { envelope, dataKey, spy } = setUp(0x0478)
const frameLength = 16
const plaintext = pattern(40)
const parts = [plaintext.subarray(0, 16), plaintext.subarray(16, 32), plaintext.subarray(32)]
const ignoreSignature = true

function write(more: { readonly suite?: number; readonly parts?: readonly Uint8Array[] } = {}): ReferenceMessage {
  return writeMessage({ suite: 0x0478, dataKey, frameLength, context: [['tenant', 't-42']], parts, ...more })
}

const message = write()
const { header, frames, bytes } = message
const [first, second, final] = frames as readonly [Buffer, Buffer, Buffer] // as many as there are parts

const malformed = 'MALFORMED_MESSAGE'
const altered = 'AUTHENTICATION_FAILED'
const open = (...pieces: readonly Uint8Array[]): Promise<string> =>
  codeOf(() => envelope.openRange(Buffer.concat(pieces), { ignoreSignature }))

/** What each frame reads as: its plaintext, or a code. */
async function readEach(given: Uint8Array): Promise<readonly string[]> {
  await using reader = await envelope.openRange(given, { ignoreSignature })
  expect(reader.length).toBe(plaintext.length)
  const read = async (start: number, end: number): Promise<string> => {
    try {
      return Buffer.compare(await reader.read(start, end), plaintext.subarray(start, end)) === 0 ? 'whole' : 'WRONG'
    } catch (error) {
      return codeOf(() => Promise.reject(error))
    }
  }
  return [await read(0, 16), await read(16, 32), await read(32, 40)]
}

describe('a message is not opened', () => {
  test('cut at any byte', async () => {
    for (const [whole, suite] of [
      [bytes, 0x0478],
      [write({ suite: 0x0578 }).bytes, 0x0578],
    ] as const) {
      for (let length = 0; length < whole.length; length++) {
        expect(await open(whole.subarray(0, length)), `suite ${suite}, cut at ${length}`).toBe(malformed)
      }
    }
  })

  test('with anything behind its end', async () => {
    for (let more = 1; more <= 100; more++) expect(await open(bytes, Buffer.alloc(more))).toBe(malformed)
    expect(await open(bytes, bytes)).toBe(malformed)
    expect(await open(bytes, final)).toBe(malformed)
  })

  test('with bytes before its end, or frames too few or too many', async () => {
    expect(await open(header, first, final)).toBe(malformed)
    expect(await open(header, final)).toBe(malformed)
    expect(await open(header, first, second, second, final)).toBe(malformed)
    expect(await open(header, first, second, Buffer.alloc(48), final)).toBe(malformed)
    expect(await open(header, first, second, final, final)).toBe(malformed)
    expect(await open(header)).toBe(malformed)
  })

  test('with the final frame of another message, of the same length or of its own', async () => {
    expect(await open(header, first, second, write().frames.at(-1) ?? final)).toBe(altered)
    const shorter = write({ parts: [pattern(16), pattern(8)] })
    expect(await open(header, first, shorter.frames.at(-1) ?? final)).toBe(altered)
    expect(await open(shorter.header, first, second, final)).toBe(altered)
  })

  test('shortened by an earlier frame made final, or a final frame renumbered', async () => {
    const mark = Buffer.from('ffffffff', 'hex')
    const madeFinal = Buffer.concat([mark, second.subarray(0, 16), Buffer.from('00000010', 'hex'), second.subarray(16)])
    expect(await open(header, first, madeFinal)).toBe(altered)
    const renumbered = Buffer.from(final)
    renumbered.writeUInt32BE(2, 4)
    expect(await open(header, first, renumbered)).toBe(altered)
  })

  test('with a content length of the final frame that its place does not have', async () => {
    for (const claimed of [0, 7, 9, 16, 17, 0xffff_ffff]) {
      const changed = Buffer.from(final)
      changed.writeUInt32BE(claimed, 20)
      expect(await open(header, first, second, changed), `${claimed}`).toBe(malformed)
    }
  })

  test('whose length no body has, before any key is asked', async () => {
    spy.calls.length = 0
    expect(await open(header, first, second, Buffer.alloc(39))).toBe(malformed)
    expect(await open(header, first, second, Buffer.alloc(57))).toBe(malformed)
    expect(spy.calls).toEqual([])
  })
})

describe('of a message whose inner frames are not its own the others are read', () => {
  test.each([
    ['swapped', [second, first], [malformed, malformed, 'whole']],
    ['repeated', [first, first], ['whole', malformed, 'whole']],
    ['of another message', [write().frames[0] ?? first, second], [altered, 'whole', 'whole']],
    ['nothing', [first, Buffer.alloc(48)], ['whole', malformed, 'whole']],
    ['with the final one among them', [first, final], ['whole', malformed, 'whole']],
  ])('%s', async (_, inner, expected) => {
    expect(inner.every((frame) => frame.length === 48)).toBe(true)
    expect(await readEach(Buffer.concat([header, ...inner, final]))).toEqual(expected)
  })

  test('renumbered', async () => {
    const renumbered = Buffer.from(first)
    renumbered.writeUInt32BE(2, 0)
    expect(await readEach(Buffer.concat([header, first, renumbered, final]))).toEqual(['whole', altered, 'whole'])
  })
})

describe('of a message with any one byte changed', () => {
  async function flipAll(given: ReferenceMessage): Promise<void> {
    const ends = [given.header, ...given.frames].map((_, at, pieces) => Buffer.concat(pieces.slice(0, at + 1)).length)
    const [headerEnd = 0, firstEnd = 0, secondEnd = 0, finalEnd = 0] = ends
    for (let offset = 0; offset < given.bytes.length; offset++) {
      for (const mask of [0x01, 0x80]) {
        const damaged = Buffer.from(given.bytes)
        damaged.writeUInt8(damaged.readUInt8(offset) ^ mask, offset)
        const what = `byte ${offset} ^ ${mask}`
        if (offset < headerEnd || (offset >= secondEnd && offset < finalEnd + (given.footer.length > 0 ? 4 : 0))) {
          await open(damaged) // refused, and with a KeyfoldError
        } else {
          const frame = offset < firstEnd ? 0 : offset < secondEnd ? 1 : 2 // 2: the signature, which is not read
          const read = await readEach(damaged)
          for (const [at, outcome] of read.entries()) {
            if (at === frame && frame < 2) expect([malformed, altered], what).toContain(outcome)
            else expect(outcome, what).toBe('whole')
          }
        }
      }
    }
  }

  test('none is read that touches it, and all others are', () => flipAll(message))

  test('none is read that touches it, where the message is signed: its signature is not read', async () => {
    await flipAll(write({ suite: 0x0578 }))
  })
})

test('a signed message whose footer is missing, cut, doubled or another’s length is not opened', async () => {
  const signer = newSigner(0x0578)
  const spec = { suite: 0x0578, dataKey, frameLength, signer, parts }
  const signed = writeMessage(spec)
  const { footer } = signed
  const body = Buffer.concat([signed.header, ...signed.frames])
  for (const wrong of [
    [],
    [footer.subarray(0, -1)],
    [footer, footer],
    [Buffer.of(0), footer],
    [footer, Buffer.of(0)],
  ]) {
    expect(await open(body, ...wrong)).toBe(malformed)
  }
  const unsigned = write()
  expect(await open(unsigned.bytes, footer)).toBe(malformed)
})

describe('of a source that changes between two reads', () => {
  test('nothing is read that was not sealed in the message', async () => {
    const other = write({ parts: [pattern(16, 1), pattern(16, 2), pattern(8, 3)] }).bytes
    let current = bytes
    const source = countingSource(bytes, (_, { start, end }) => current.subarray(start, end))
    await using reader = await envelope.openRange(source)
    current = other
    for (const [start, end] of [
      [0, 16],
      [15, 17],
      [30, 40],
    ] as const) {
      expect(await codeOf(() => reader.read(start, end))).toBe(altered)
    }
    current = bytes
    expect(await reader.read(0, 40)).toEqual(plaintext)
  })

  test('between header and final frame, nothing is opened', async () => {
    const other = write({ parts: [pattern(16, 1), pattern(16, 2), pattern(8, 3)] }).bytes
    const source = countingSource(bytes, (own, { start, end }) => (start === 0 ? own : other.subarray(start, end)))
    expect(await codeOf(() => envelope.openRange(source))).toBe(altered)
  })

  test('between two answers for one long header, it is the last that counts, and nothing of the first', async () => {
    const wrap = (): readonly ReferenceEntry[] => [{ ...spyEntry(dataKey), providerInfo: new Uint8Array(5000) }]
    const long = writeMessage({ suite: 0x0478, dataKey, frameLength, parts, wrap }).bytes
    const source = countingSource(long, (own, { end }) => (end < 5000 ? own.fill(0, 3, 35) : own)) // no message id
    expect(await envelope.decryptRange(source, { start: 0, end: 40 })).toEqual(plaintext)
  })
})
