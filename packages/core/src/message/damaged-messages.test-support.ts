import fc from 'fast-check'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { allow } from './fixtures.test-support.ts'
import { u16, u32 } from './reference-format.test-support.ts'
import { rawAesEntry, writeMessage } from './reference-writer.test-support.ts'

/* Messages with any damage, and what opens them where there is none. */

const key = pattern(32, 44)
const keys = rawAes({ namespace: 'ns', name: 'k', key })
export const envelope: Envelope = createEnvelope({ keys, commitmentPolicy: allow })
export const plaintext: Uint8Array = pattern(50)
export const messages: readonly Buffer[] = [0x0478, 0x0178, 0x0014, 0x0214].flatMap((suite) => {
  const dataKey = pattern(suite === 0x0014 || suite === 0x0214 ? 16 : 32, 3)
  const common = { suite, dataKey, wrap: rawAesEntry(key, 'ns', 'k'), context: [['tenant', 't-42']] as const }
  return [
    writeMessage({
      ...common,
      frameLength: 20,
      parts: [plaintext.subarray(0, 20), plaintext.subarray(20, 40), plaintext.subarray(40)],
    }),
    writeMessage({ ...common, frameLength: 0, parts: [plaintext] }),
  ].map(({ bytes }) => bytes)
})

/** One edit of a message. */
const edit = fc.record({
  kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'copy', 'length'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  // Numbers that lengths and counts go wrong at.
  number: fc.constantFrom(
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
  ),
})

function apply(
  message: Buffer,
  { kind, at, bytes, number }: typeof edit extends fc.Arbitrary<infer T> ? T : never,
): Buffer {
  const offset = Math.floor(at * message.length)
  const [head, tail] = [message.subarray(0, offset), message.subarray(offset)]
  const [first = 0] = bytes
  if (kind === 'set') return Buffer.concat([head, bytes, tail.subarray(bytes.length)])
  if (kind === 'flip') return Buffer.concat([head, Buffer.of((tail[0] ?? 0) ^ (1 << (first & 7))), tail.subarray(1)])
  if (kind === 'cut') return Buffer.concat([head, tail.subarray(first)])
  if (kind === 'insert') return Buffer.concat([head, bytes, tail])
  if (kind === 'copy') return Buffer.concat([head, message.subarray(first, 2 * first), tail])
  const field = first & 1 ? u16(number & 0xffff) : u32(number)
  return Buffer.concat([head, field, tail.subarray(field.length)])
}

export const mutatedMessages: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.constantFrom(...messages), fc.array(edit, { minLength: 1, maxLength: 3 }))
  .map(([message, edits]) => edits.reduce(apply, message))

export const splicedMessages: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.constantFrom(...messages), fc.constantFrom(...messages), fc.nat(500), fc.nat(500))
  .map(([a, b, i, j]) => Buffer.concat([a.subarray(0, i), b.subarray(j)]))
