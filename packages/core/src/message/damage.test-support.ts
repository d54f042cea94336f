import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { allow } from './fixtures.test-support.ts'
import { factsOf } from './reference-format.test-support.ts'
import { type ReferenceMessage, rawAesEntry, writeMessage } from './reference-writer.test-support.ts'

const wrappingKey = pattern(32, 44)
/** Opens what {@link write} writes. */
export const envelope: Envelope = createEnvelope({
  keys: rawAes({ namespace: 'ns', name: 'k', key: wrappingKey }),
  commitmentPolicy: allow,
})
export const plaintext: Buffer = Buffer.from('attack at dawn, and bring the canary')

export const kinds = [
  ['version 2', 0x0478, 16],
  ['version 1', 0x0178, 16],
  ['version 1 without key derivation', 0x0078, 64],
  ['version 2, signed', 0x0578, 16],
  ['version 1, signed with P-256', 0x0214, 16],
  ['version 2, unframed', 0x0478, 0],
  ['version 1, unframed and signed', 0x0378, 0],
] as const

/** The plaintext as a message, in frames of `frameLength` bytes or unframed. */
export function write(suite: number, frameLength: number): ReferenceMessage {
  const parts: Buffer[] = []
  const step = frameLength === 0 ? plaintext.length : frameLength
  for (let at = 0; at < plaintext.length; at += step) parts.push(plaintext.subarray(at, at + step))
  const dataKey = pattern(factsOf(suite).bits / 8, 3)
  const wrap = rawAesEntry(wrappingKey, 'ns', 'k')
  return writeMessage({ suite, dataKey, wrap, context: [['tenant', 't-42']], frameLength, parts })
}

export type Region = readonly [name: string, length: number, codes: readonly string[]]

const malformed = 'MALFORMED_MESSAGE'
const altered = 'AUTHENTICATION_FAILED'
const limit = 'LIMIT_EXCEEDED'
const unknown = 'NO_USABLE_KEY'

/** What a message consists of, and what one changed byte of each part may be refused as. */
export function regionsOf(suite: number, message: ReferenceMessage): readonly Region[] {
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
