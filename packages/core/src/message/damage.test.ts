import { describe, expect, test } from 'vitest'
import { rawAes } from '../raw/raw-aes.ts'
import { createEnvelope } from './envelope.ts'
import { allow, codeOf, pattern, refusal } from './fixtures.test-support.ts'
import { factsOf, type ReferenceMessage, rawAesEntry, writeMessage } from './reference.test-support.ts'

const wrappingKey = pattern(32, 44)
const envelope = createEnvelope({
  keys: rawAes({ namespace: 'ns', name: 'k', key: wrappingKey }),
  commitmentPolicy: allow,
})
const plaintext = Buffer.from('attack at dawn, and bring the canary')

const kinds = [
  ['version 2', 0x0478, 16],
  ['version 1', 0x0178, 16],
  ['version 1 without key derivation', 0x0078, 64],
  ['version 2, signed', 0x0578, 16],
  ['version 1, signed with P-256', 0x0214, 16],
  ['version 2, unframed', 0x0478, 0],
  ['version 1, unframed and signed', 0x0378, 0],
] as const

function write(suite: number, frameLength: number): ReferenceMessage {
  const parts: Buffer[] = []
  const step = frameLength === 0 ? plaintext.length : frameLength
  for (let at = 0; at < plaintext.length; at += step) parts.push(plaintext.subarray(at, at + step))
  const dataKey = pattern(factsOf(suite).bits / 8, 3)
  const wrap = rawAesEntry(wrappingKey, 'ns', 'k')
  return writeMessage({ suite, dataKey, wrap, context: [['tenant', 't-42']], frameLength, parts })
}

type Region = readonly [name: string, length: number, codes: readonly string[]]

const malformed = 'MALFORMED_MESSAGE'
const altered = 'AUTHENTICATION_FAILED'
const limit = 'LIMIT_EXCEEDED'
const unknown = 'NO_USABLE_KEY'

/** What a message consists of, and what one changed byte of each part may be refused as. */
function regionsOf(suite: number, message: ReferenceMessage): readonly Region[] {
  const { version } = factsOf(suite)
  const { headerBody, messageId } = message
  const pairsLength = headerBody.readUInt16BE((version === 1 ? 4 : 3) + messageId.length)
  const entry = [
    ['provider id length', 2, [malformed, unknown]],
    ['provider id', 2, [unknown, malformed]],
    ['provider info length', 2, [malformed, unknown, limit]],
    ['key name', 1, [unknown]],
    ['tag and iv length', 8, [unknown]],
    ['iv', 12, [altered]],
    ['ciphertext length', 2, [malformed, altered, limit]],
    ['ciphertext', factsOf(suite).bits / 8 + 16, [altered]],
  ] as const
  const fields: readonly Region[] =
    version === 1
      ? [
          ['content type', 1, [malformed]],
          ['reserved', 4, [malformed]],
          ['iv length', 1, [malformed]],
          ['frame length', 4, [malformed, altered, limit]],
          ['header iv', 12, [altered]],
        ]
      : [
          ['content type', 1, [malformed]],
          ['frame length', 4, [malformed, altered, limit]],
          ['commitment', 32, [altered]],
        ]
  const body: Region[] = message.frames.flatMap((frame): Region[] => {
    if (headerBody.length > 0 && message.frames.length === 1 && frame.readUInt32BE() !== 0xffff_ffff) {
      return [
        ['unframed iv', 12, [altered]],
        ['unframed length', 8, [malformed]],
        ['unframed content and tag', frame.length - 20, [altered]],
      ]
    }
    const head: Region[] = [['sequence number', 4, [malformed]]]
    // A changed mark makes the final frame a regular one, of another number and perhaps too short.
    if (frame.readUInt32BE() === 0xffff_ffff) head.unshift(['final mark', 4, [malformed]])
    const length: Region[] = frame.readUInt32BE() === 0xffff_ffff ? [['content length', 4, [malformed]]] : []
    const rest = frame.length - (length.length + head.length) * 4 - 12
    return [...head, ['frame iv', 12, [altered]], ...length, ['content and tag', rest, [altered]]]
  })
  const footer: Region[] =
    message.footer.length === 0
      ? []
      : [
          ['signature length', 2, [malformed]],
          ['signature', message.footer.length - 2, [altered]],
        ]
  return [
    ['version', 1, [malformed]],
    ...(version === 1 ? ([['type', 1, [malformed]]] as const) : []),
    // Another suite of the same version may be named: then its data key is longer, or its header does not verify.
    ['suite', 2, [malformed, altered]],
    ['message id', messageId.length, [altered]],
    ['context length', 2, [malformed]],
    ['count of pairs', 2, [malformed]],
    ['pairs', pairsLength - 2, [altered, malformed]],
    ['count of data keys', 2, [malformed, limit]],
    ...entry,
    ...fields,
    ['header tag', 16, [altered]],
    ...body,
    ...footer,
  ]
}

describe.each(kinds)('a message of %s', (_, suite, frameLength) => {
  const message = write(suite, frameLength)
  const { bytes } = message

  test('opens as it is', async () => {
    expect(plaintext.equals((await envelope.decrypt(bytes)).plaintext)).toBe(true)
  })

  // spec: client-apis/decrypt.md#authenticated-data/1
  // spec: client-apis/decrypt.md#decrypt-the-message-body/13
  // spec: client-apis/decrypt.md#decrypt-the-message-body/14
  // spec: client-apis/decrypt.md#decrypt-the-message-body/8
  // spec: client-apis/decrypt.md#verify-the-header/1
  // spec: client-apis/decrypt.md#verify-the-header/6
  // spec: client-apis/decrypt.md#parse-the-header/5
  test('is refused with any of its bytes changed, by the code that the part calls for', async () => {
    let offset = 0
    for (const [name, length, codes] of regionsOf(suite, message)) {
      for (const end = offset + length; offset < end; offset++) {
        for (const mask of [0x01, 0x80]) {
          const damaged = Buffer.from(bytes)
          damaged.writeUInt8((bytes[offset] ?? 0) ^ mask, offset)
          const error = await refusal(() => envelope.decrypt(damaged))
          expect(codes, `${name}, byte ${offset} ^ ${mask}: ${error.message}`).toContain(error.code)
          const shown = `${error.message} ${JSON.stringify(error)}`
          expect(shown.includes('canary') || shown.includes('t-42')).toBe(false)
        }
      }
    }
    expect(offset).toBe(bytes.length)
  })

  // spec: client-apis/decrypt.md#behavior/6
  test('is refused cut at any byte', async () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(await codeOf(() => envelope.decrypt(bytes.subarray(0, length))), `cut at ${length}`).toBe(malformed)
    }
  })

  // spec: client-apis/decrypt.md#behavior/7
  test('is refused with anything behind its end', async () => {
    for (const more of [Buffer.of(0), Buffer.alloc(40), bytes, message.frames.at(-1) ?? bytes]) {
      expect(await codeOf(() => envelope.decrypt(Buffer.concat([bytes, more])))).toBe(malformed)
    }
  })
})
