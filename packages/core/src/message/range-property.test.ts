import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { allow, spyProvider } from './fixtures.test-support.ts'
import { countingSource } from './range-source.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const dataKey = pattern(32, 3)
const envelope = createEnvelope({ keys: spyProvider({ dataKey }).provider, commitmentPolicy: allow })

/** A message of any layout, as the reference writes it. */
const layout = fc
  .record({
    suite: fc.constantFrom(0x0478, 0x0578, 0x0178, 0x0378),
    frameLength: fc.integer({ min: 1, max: 40 }),
    regularFrames: fc.integer({ min: 0, max: 6 }),
    finalLength: fc.nat(),
    infoLength: fc.constantFrom(0, 1, 3900, 4100, 9000),
  })
  .map(({ suite, frameLength, regularFrames, finalLength, infoLength }) => {
    const plaintext = pattern(regularFrames * frameLength + (finalLength % (frameLength + 1)), suite)
    const parts = Array.from({ length: regularFrames + 1 }, (_, at) => {
      return plaintext.subarray(at * frameLength, at === regularFrames ? undefined : (at + 1) * frameLength)
    })
    const entry = { providerId: 'spy', providerInfo: new Uint8Array(infoLength) }
    const wrap = () => [{ ...entry, ciphertext: dataKey.map((byte) => byte ^ 0xff) }]
    return { plaintext, sealed: writeMessage({ suite, dataKey, frameLength, parts, wrap }).bytes }
  })

const fraction = fc.double({ min: 0, max: 1, noNaN: true })
const ranges = fc.array(fc.tuple(fraction, fraction), { minLength: 1, maxLength: 8 })

/** The ranges in a plaintext of so many bytes. */
const within = (length: number, fractions: readonly (readonly [number, number])[]): (readonly [number, number])[] =>
  fractions.map(([a, b]) => [Math.floor(Math.min(a, b) * length), Math.ceil(Math.max(a, b) * length)])

test('any ranges of a message of any layout, read side by side, are those parts of its plaintext', async () => {
  const reading = fc.asyncProperty(layout, ranges, async ({ plaintext, sealed }, fractions) => {
    await using reader = await envelope.openRange(countingSource(sealed), { ignoreSignature: true })
    expect(reader.length).toBe(plaintext.length)
    const wanted = within(plaintext.length, fractions)
    const parts = await Promise.all(wanted.map(([start, end]) => reader.read(start, end)))
    for (const [at, [start, end]] of wanted.entries()) expect(parts[at]).toEqual(plaintext.slice(start, end))
  })
  await fc.assert(reading, { numRuns: 300 })
})

const edit = fc.record({
  kind: fc.constantFrom('set', 'cut', 'insert', 'copy', 'end'),
  at: fraction,
  to: fraction,
  bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }),
})

function apply(sealed: Buffer, { kind, at, to, bytes }: typeof edit extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const offset = Math.floor(at * sealed.length)
  const [head, tail] = [sealed.subarray(0, offset), sealed.subarray(offset)]
  if (kind === 'set') return Buffer.concat([head, bytes, tail.subarray(bytes.length)])
  if (kind === 'cut') return Buffer.concat([head, tail.subarray(bytes.length)])
  if (kind === 'insert') return Buffer.concat([head, bytes, tail])
  if (kind === 'end') return head
  const copied = sealed.subarray(Math.floor(to * sealed.length)).subarray(0, bytes.length)
  return Buffer.concat([head, copied, tail.subarray(copied.length)])
}

test('of a message with any damage what is read is its plaintext, or a KeyfoldError', async () => {
  const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
  const reading = fc.asyncProperty(layout, edits, ranges, async ({ plaintext, sealed }, changes, fractions) => {
    const damaged = changes.reduce(apply, sealed)
    try {
      await using reader = await envelope.openRange(damaged, { ignoreSignature: true })
      expect(reader.length).toBe(plaintext.length)
      for (const [start, end] of within(plaintext.length, fractions)) {
        expect(await reader.read(start, end)).toEqual(plaintext.slice(start, end))
      }
    } catch (error) {
      if (!KeyfoldError.is(error)) throw error
    }
  })
  await fc.assert(reading, { numRuns: 500 })
})

test('of a source whose answers are damaged now and then what is read is its plaintext, or a KeyfoldError', async () => {
  const damage = fc.array(fc.option(edit, { freq: 3 }), { minLength: 3, maxLength: 10 })
  const reading = fc.asyncProperty(layout, damage, ranges, async ({ plaintext, sealed }, damages, fractions) => {
    const source = countingSource(sealed, (bytes) => {
      const next = damages[source.reads.length % damages.length]
      return next ? apply(Buffer.from(bytes), next) : bytes
    })
    try {
      await using reader = await envelope.openRange(source, { ignoreSignature: true })
      for (const [start, end] of within(reader.length, fractions)) {
        const part = await reader.read(start, end).catch((error: unknown) => error)
        if (!KeyfoldError.is(part)) expect(part).toEqual(plaintext.slice(start, end))
      }
    } catch (error) {
      if (!KeyfoldError.is(error)) throw error
    }
  })
  await fc.assert(reading, { numRuns: 500 })
})
