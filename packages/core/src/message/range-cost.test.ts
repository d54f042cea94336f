import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { setUp } from './fixtures.test-support.ts'
import { type CountingSource, countingSource } from './range-source.test-support.ts'
import type { RangeSource } from './range-source.ts'
import { bodyAad, deriveKeys, factsOf, u32 } from './reference-format.test-support.ts'
import { sealGcm, spyEntry, writeMessage } from './reference-writer.test-support.ts'

const suite = 0x0478
const { envelope, dataKey, spy } = setUp(suite)
const messageId = pattern(32, 9)
const frameLength = 128 * 1024
const regularLength = frameLength + 32

/** Any part of the plaintext of a message that is too long to be sealed here. */
const plaintextAt = (start: number, length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => ((start + at) * 31 + Math.floor((start + at) / 509)) & 0xff))

/**
 * A message of `plaintextLength` bytes in frames of 128 KiB, each sealed by the format's description when it is first read,
 * so that a gibibyte costs what is read of it.
 */
function longMessage(plaintextLength: number): RangeSource & Pick<CountingSource, 'reads' | 'bytesRead'> {
  const last = Math.ceil(plaintextLength / frameLength) - 1
  const { header } = writeMessage({ suite, dataKey, messageId, frameLength, parts: [new Uint8Array(0)] })
  const finalStart = header.length + last * regularLength
  const size = finalStart + 40 + plaintextLength - last * frameLength
  const counted = countingSource(new Uint8Array(0))
  const pieceAt = (at: number): { readonly start: number; readonly bytes: Buffer } => {
    if (at < header.length) return { start: 0, bytes: header }
    const frame = Math.floor((at - header.length) / regularLength)
    if (frame < last) return { start: header.length + frame * regularLength, bytes: sealFrame(frame, false) }
    return { start: finalStart, bytes: sealFrame(last, true, plaintextLength - last * frameLength) }
  }
  return {
    ...counted,
    size,
    async read(start, end, options) {
      await counted.read(start, end, options)
      const pieces: Buffer[] = []
      for (let at = start; at < end; ) {
        const piece = pieceAt(at)
        const wanted = piece.bytes.subarray(at - piece.start, end - piece.start)
        pieces.push(wanted)
        at += wanted.length
      }
      return Buffer.concat(pieces)
    },
  }
}

function sealFrame(frame: number, final: boolean, length = frameLength): Buffer {
  const facts = factsOf(suite)
  const number = u32(frame + 1)
  const iv = Buffer.concat([Buffer.alloc(8), number])
  const aad = bodyAad(Buffer.from(messageId), final ? 'final' : 'regular', frame + 1, length)
  const plaintext = plaintextAt(frame * frameLength, length)
  const { ciphertext, tag } = sealGcm(facts, deriveKeys(suite, dataKey, messageId).key, iv, aad, plaintext)
  if (!final) return Buffer.concat([number, iv, ciphertext, tag])
  return Buffer.concat([Buffer.from('ffffffff', 'hex'), number, iv, u32(length), ciphertext, tag])
}

const gibibyte = 2 ** 30
const range = 64 * 1024

describe('64 KiB of a message of 1 GiB', () => {
  test.each([
    ['at its start', 0],
    ['in the middle of a frame', 4000 * frameLength + 4321],
    ['across two frames', 5000 * frameLength - 100],
    ['at its end', gibibyte - range],
  ])('%s take three reads, and less than thrice the bytes of the frames they touch', async (_, start) => {
    const source = longMessage(gibibyte)
    const part = await envelope.decryptRange(source, { start, end: start + range })
    expect(plaintextAt(start, range).equals(part)).toBe(true)
    const touched = Math.floor((start + range - 1) / frameLength) - Math.floor(start / frameLength) + 1
    expect(source.reads.length).toBe(3)
    expect(source.bytesRead()).toBeLessThanOrEqual(3 * touched * regularLength)
  })

  test('take one more read in a reader that is there, of these frames alone', async () => {
    const source = longMessage(gibibyte)
    await using reader = await envelope.openRange(source)
    expect(reader.length).toBe(gibibyte)
    const [before, bytes] = [source.reads.length, source.bytesRead()]
    await reader.read(frameLength, 2 * frameLength)
    expect([source.reads.length - before, source.bytesRead() - bytes]).toEqual([1, regularLength])
    await reader.read(77, 77)
    expect(source.reads.length - before).toBe(1)
  })

  test('call the key once', async () => {
    spy.calls.length = 0
    await using reader = await envelope.openRange(longMessage(gibibyte))
    await reader.read(0, range)
    await reader.read(range, 2 * range)
    expect(spy.calls).toEqual(['unwrapDataKey'])
  })
})

test('a message of a tebibyte, beyond 32 bits of offsets, is read at its end', async () => {
  const length = 2 ** 40 + 5
  const source = longMessage(length)
  const part = await envelope.decryptRange(source, { start: length - 10, end: length })
  expect(plaintextAt(length - 10, 10).equals(part)).toBe(true)
})

describe('a long range', () => {
  test('is read a step at a time, of at most 8 MiB', async () => {
    const length = 20 * 2 ** 20
    const plaintext = randomBytes(length)
    const source = countingSource(await envelope.encrypt(plaintext, { frameLength }))
    await using reader = await envelope.openRange(source)
    source.reads.length = 0
    const part = await reader.read(100, length - 100)
    expect(Buffer.compare(part, plaintext.subarray(100, -100))).toBe(0)
    expect(source.reads.length).toBe(3)
    for (const { start, end } of source.reads) expect(end - start).toBeLessThanOrEqual(8 * 2 ** 20)
    expect(source.bytesRead()).toBe(160 * 32 + length + 8) // the final frame has eight bytes more
  })

  test('of frames that are longer than a step is read frame by frame', async () => {
    const plaintext = randomBytes(18 * 2 ** 20)
    const source = countingSource(await envelope.encrypt(plaintext, { frameLength: 9 * 2 ** 20 }))
    await using reader = await envelope.openRange(source)
    source.reads.length = 0
    expect(Buffer.compare(await reader.read(0, plaintext.length), plaintext)).toBe(0)
    expect(source.reads.length).toBe(2)
  })

  test('is given up without another step', async () => {
    const length = 20 * 2 ** 20
    const controller = new AbortController()
    const source = countingSource(await envelope.encrypt(new Uint8Array(length), { frameLength }))
    await using reader = await envelope.openRange(source)
    source.reads.length = 0
    const reading = reader.read(0, length, { signal: controller.signal })
    controller.abort()
    expect(await codeOf(() => reading)).toBe('ABORTED')
    expect(source.reads.length).toBe(1)
  })
})

describe('a header', () => {
  const long = (length: number) => () => [{ ...spyEntry(dataKey), providerInfo: new Uint8Array(length) }]
  const write = (length: number) =>
    writeMessage({ suite, dataKey, messageId, wrap: long(length), frameLength: 9, parts: [pattern(9)] })

  test('that is longer than the first read is read in a few', async () => {
    for (const [length, reads] of [
      [3000, 2],
      [5000, 3],
      [60_000, 4],
    ] as const) {
      const source = countingSource(Buffer.concat([write(length).bytes]))
      expect(await envelope.decryptRange(source, { start: 0, end: 0 })).toEqual(new Uint8Array(0))
      expect(source.reads.length, `${length} bytes`).toBe(reads)
      expect(source.bytesRead()).toBeLessThan(4 * source.size + 4096)
    }
  })

  test('of any length about the first read’s opens', async () => {
    const short = write(0).header.length
    for (let length = 4096 - short - 50; length < 4096 - short + 50; length++) {
      expect(await envelope.decryptRange(write(length).bytes, { start: 2, end: 8 })).toEqual(pattern(9).slice(2, 8))
    }
  })

  test('over maxHeaderBytes is refused, before it is read whole and before any key call', async () => {
    const { header, bytes } = write(60_000)
    const opening = (maxHeaderBytes: number) => createEnvelope({ keys: spy.provider, limits: { maxHeaderBytes } })
    await opening(header.length).decryptRange(bytes, { start: 0, end: 9 })
    spy.calls.length = 0
    const source = countingSource(bytes)
    expect(await codeOf(() => opening(header.length - 1).openRange(source))).toBe('LIMIT_EXCEEDED')
    source.reads.length = 0
    expect(await codeOf(() => opening(5000).openRange(source))).toBe('LIMIT_EXCEEDED')
    expect(source.bytesRead()).toBe(4096)
    expect(spy.calls).toEqual([])
  })
})
