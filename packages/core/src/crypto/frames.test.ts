import { createDecipheriv, Decipheriv } from 'node:crypto'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import { bodyAad, factsOf, u32, u64 } from '../message/reference-format.test-support.ts'
import { sealGcm } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { type Suite, suites } from '../suite/table.ts'
import type { FrameRun, MessageKey } from './engine.ts'

/** A suite without derivation, so that the reference has the message key without any of the code under test. */
const suite = suites.get(0x0078) as Suite // a row of the table
const dataKey = pattern(32, 3)
const messageId = Buffer.from(pattern(16, 4))

let key: MessageKey
beforeAll(async () => {
  key = await engine.messageKey(suite, SecretBytes.from(dataKey.slice()), messageId)
})

const seal = async (run: Omit<FrameRun, 'firstSequenceNumber'>, first = 1) =>
  Buffer.concat(await key.sealFrames({ firstSequenceNumber: first, ...run }))
const open = async (bytes: Uint8Array, frameLength: number, first = 1, final = true) =>
  Buffer.concat(await key.openFrames({ bytes, frameLength, firstSequenceNumber: first, final }))

/** One frame, by the reference. */
function frame(
  kind: 'regular' | 'final' | 'unframed',
  number: number,
  part: Uint8Array,
  iv = Buffer.concat([Buffer.alloc(8), u32(number)]),
) {
  const { ciphertext, tag } = sealGcm(
    factsOf(suite.id),
    dataKey,
    iv,
    bodyAad(messageId, kind, number, part.length),
    part,
  )
  const head = {
    regular: [u32(number), iv],
    final: [u32(0xffff_ffff), u32(number), iv, u32(part.length)],
    unframed: [iv, u64(part.length)],
  }
  return Buffer.concat([...head[kind], ciphertext, tag])
}

describe('a message key', () => {
  // spec: framework/algorithm-suites.md#gcm/1
  // spec: framework/algorithm-suites.md#encryption-algorithm-mode/1
  // spec: framework/algorithm-suites.md#encryption-algorithm-mode/2
  test('seals frames with AES-GCM, an iv of 12 bytes and a tag of 16', async () => {
    const sealed = await seal({ bytes: pattern(5), frameLength: 8, final: true })
    expect(sealed.length).toBe(4 + 4 + 12 + 4 + 5 + 16)
    const decipher = createDecipheriv('aes-256-gcm', dataKey, sealed.subarray(8, 20), { authTagLength: 16 })
    decipher.setAAD(bodyAad(messageId, 'final', 1, 5))
    decipher.setAuthTag(sealed.subarray(29, 45))
    expect(Buffer.concat([decipher.update(sealed.subarray(24, 29)), decipher.final()])).toEqual(Buffer.from(pattern(5)))
  })

  test.each([
    [0, 4, ['']],
    [1, 4, ['0-1']],
    [3, 4, ['0-3']],
    [4, 4, ['0-4']],
    [5, 4, ['0-4', '4-5']],
    [8, 4, ['0-4', '4-8']],
    [3, 1, ['0-1', '1-2', '2-3']],
  ])('seals %i bytes in frames of %i as the reference does, and opens them', async (length, frameLength, cuts) => {
    const plaintext = Buffer.from(pattern(length))
    const parts = cuts.map((cut) => plaintext.subarray(...cut.split('-').map(Number)))
    const expected = parts.map((part, at) => frame(at === parts.length - 1 ? 'final' : 'regular', at + 1, part))
    const sealed = await seal({ bytes: plaintext, frameLength, final: true })
    expect(sealed).toEqual(Buffer.concat(expected))
    expect(await open(sealed, frameLength)).toEqual(plaintext)
  })

  test('seals and opens a message in runs, each where the last one stopped', async () => {
    const plaintext = Buffer.from(pattern(10))
    const whole = await seal({ bytes: plaintext, frameLength: 4, final: true })
    const first = await seal({ bytes: plaintext.subarray(0, 8), frameLength: 4, final: false })
    const last = await seal({ bytes: plaintext.subarray(8), frameLength: 4, final: true }, 3)
    expect(Buffer.concat([first, last])).toEqual(whole)
    expect(await open(first, 4, 1, false)).toEqual(plaintext.subarray(0, 8))
    expect(await open(last, 4, 3)).toEqual(plaintext.subarray(8))
    expect(await seal({ bytes: new Uint8Array(0), frameLength: 4, final: false }, 3)).toEqual(Buffer.alloc(0))
  })

  test('opens an unframed body, an empty final frame and frames with another iv', async () => {
    const iv = Buffer.from(pattern(12, 200))
    expect(await open(frame('unframed', 1, pattern(9), iv), 0)).toEqual(Buffer.from(pattern(9)))
    const body = Buffer.concat([frame('regular', 1, pattern(4), iv), frame('final', 2, new Uint8Array(0))])
    expect(await open(body, 4)).toEqual(Buffer.from(pattern(4)))
  })

  test('refuses a frame of which any bit was altered', async () => {
    const sealed = frame('final', 1, pattern(3))
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed)
      altered[at] = (altered[at] ?? 0) ^ 1
      const isHead = at < 8 || (at >= 20 && at < 24)
      const code = await codeOf(() => open(altered, 3))
      if (isHead) expect(['MALFORMED_MESSAGE', 'AUTHENTICATION_FAILED']).toContain(code)
      else expect(code).toBe('AUTHENTICATION_FAILED')
    }
  })

  test('refuses frames in another place, of another kind or of another message', async () => {
    const regular = frame('regular', 1, pattern(4))
    expect(await codeOf(() => open(regular, 4, 2))).toBe('MALFORMED_MESSAGE')
    const renumbered = Buffer.concat([u32(2), regular.subarray(4)])
    expect(await codeOf(() => open(renumbered, 4, 2))).toBe('AUTHENTICATION_FAILED')
    const asFinal = Buffer.concat([u32(0xffff_ffff), regular.subarray(0, 16), u32(4), regular.subarray(16)])
    expect(await codeOf(() => open(asFinal, 4))).toBe('AUTHENTICATION_FAILED')
    const other = await engine.messageKey(suite, SecretBytes.from(dataKey.slice()), pattern(16, 5))
    const run = { bytes: regular, frameLength: 4, firstSequenceNumber: 1, final: false }
    expect(await codeOf(async () => other.openFrames(run))).toBe('AUTHENTICATION_FAILED')
  })
})

test('a long frame comes in pieces of 64 KiB, each in memory of its own', async () => {
  const [plaintext, frameLength] = [pattern(200_000), 200_000]
  const run = { bytes: plaintext, frameLength, firstSequenceNumber: 1, final: true }
  const sealed = await key.sealFrames(run)
  expect(sealed.map((piece) => piece.length)).toEqual([24, 65_536, 65_536, 65_536, 3392, 16])
  const opened = await key.openFrames({ ...run, bytes: Buffer.concat(sealed) })
  expect(opened.map((piece) => piece.length)).toEqual([65_536, 65_536, 65_536, 3392])
  for (const pieces of [sealed.slice(1), opened]) {
    for (const piece of pieces) expect(piece.buffer.byteLength).toBe(piece.length)
  }
  expect(Buffer.concat(opened).equals(plaintext)).toBe(true)
  const altered = Buffer.concat(sealed)
  altered[100_000] = (altered[100_000] ?? 0) ^ 1
  const spy = vi.spyOn(Decipheriv.prototype, 'update')
  expect(await codeOf(async () => key.openFrames({ ...run, bytes: altered }))).toBe('AUTHENTICATION_FAILED')
  const given = spy.mock.results.map(({ value }) => value as unknown as Uint8Array) // without an encoding: bytes
  spy.mockRestore()
  expect(given.map((piece) => piece.some((byte) => byte !== 0))).toEqual([false, false, false, false])
})

describe("a header's tag", () => {
  const aad = Buffer.from('header')
  const iv = new Uint8Array(12)

  test('is under an iv of zeros, and is verified under the iv that is given', async () => {
    const { tag } = sealGcm(factsOf(suite.id), dataKey, iv, aad, Buffer.alloc(0))
    expect(Buffer.from(await key.headerTag(aad))).toEqual(tag)
    await key.verifyHeader(aad, iv, tag)
    const other = sealGcm(factsOf(suite.id), dataKey, pattern(12), aad, Buffer.alloc(0))
    await key.verifyHeader(aad, pattern(12), other.tag)
    expect(await codeOf(async () => key.verifyHeader(aad, iv, other.tag))).toBe('AUTHENTICATION_FAILED')
  })

  test('is refused with any bit altered, over other bytes, or cut', async () => {
    const tag = await key.headerTag(aad)
    for (let at = 0; at < tag.length; at++) {
      const altered = Uint8Array.from(tag)
      altered[at] = (altered[at] ?? 0) ^ 0x80
      expect(await codeOf(async () => key.verifyHeader(aad, iv, altered))).toBe('AUTHENTICATION_FAILED')
    }
    expect(await codeOf(async () => key.verifyHeader(Buffer.from('headers'), iv, tag))).toBe('AUTHENTICATION_FAILED')
    for (const length of [0, 4, 8, 12, 15]) {
      expect(await codeOf(async () => key.verifyHeader(aad, iv, tag.subarray(0, length)))).toBe('AUTHENTICATION_FAILED')
    }
  })
})

describe('random bytes', () => {
  // spec: framework/keyring-interface.md#generate-data-key/5
  test('are as many as asked for, and others every time', () => {
    expect([0, 1, 16, 32].map((length) => engine.randomBytes(length).length)).toEqual([0, 1, 16, 32])
    const drawn = Array.from({ length: 100 }, () => Buffer.from(engine.randomBytes(32)).toString('hex'))
    expect(new Set(drawn).size).toBe(100)
    const ones = [...drawn.join('')].reduce(
      (sum, digit) => sum + (Number.parseInt(digit, 16).toString(2).match(/1/g)?.length ?? 0),
      0,
    )
    expect(Math.abs(ones - 12_800)).toBeLessThan(800) // seven standard deviations of 80
  })
})
