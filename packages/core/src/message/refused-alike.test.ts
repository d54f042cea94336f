import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { u16 } from './reference-format.test-support.ts'
import { type MessageSpec, writeMessage } from './reference-writer.test-support.ts'
import { byteByByte, streamKinds } from './stream-kinds.test-support.ts'

/* A hostile header is refused by the same code whichever way its message is opened, before any key call and any plaintext. */

const dataKey = pattern(32, 3)
const context = { tenant: 't-42' }

const write = (more: Partial<MessageSpec> = {}): Buffer =>
  writeMessage({ suite: 0x0478, dataKey, frameLength: 16, parts: [pattern(16), pattern(3)], ...more }).bytes

/** The message with the first bytes like `old` made others. */
function patched(message: Buffer, old: Uint8Array, other: Uint8Array): Buffer {
  const copy = Buffer.from(message)
  copy.set(other, message.indexOf(old))
  return copy
}

const tenant = write({ context: [['tenant', 't-42']] })
const hostile: readonly (readonly [what: string, code: string, message: Buffer])[] = [
  ['65535 data keys', 'LIMIT_EXCEEDED', patched(write(), Buffer.concat([u16(1), u16(3)]), u16(65_535))],
  ['frames of 4294967295 bytes', 'LIMIT_EXCEEDED', write({ frameLength: 0xffff_ffff })],
  ['a suite that does not commit', 'POLICY_VIOLATION', write({ suite: 0x0178 })],
  ['another context', 'CONTEXT_MISMATCH', write({ context: [['tenant', 't-43']] })],
  [
    'a key of the context twice',
    'MALFORMED_MESSAGE',
    write({
      context: [
        ['tenant', 't-42'],
        ['tenant', 't-42'],
      ],
    }),
  ],
  ['a context key __proto__', 'MALFORMED_MESSAGE', write({ context: [['__proto__', 't-42']] })],
  ['ill-formed UTF-8 in the context', 'MALFORMED_MESSAGE', patched(tenant, Buffer.from('t-42'), Buffer.of(0xff))],
  ['a signed suite without a public key', 'MALFORMED_MESSAGE', write({ suite: 0x0578, showsPublicKey: false })],
  ['nothing but base64', 'MALFORMED_MESSAGE', Buffer.from(tenant.toString('base64'))],
]

/** What a way of opening ended with, and how much it gave out. */
type Opens = (envelope: Envelope, message: Buffer) => Promise<{ readonly code: string; readonly length: number }>

const ways: readonly (readonly [string, Opens])[] = [
  [
    'whole',
    async (envelope, message) => ({ code: await codeOf(() => envelope.decrypt(message, { context })), length: 0 }),
  ],
  ...streamKinds.map(({ kind, decrypt }): [string, Opens] => [
    `by a ${kind}, byte by byte`,
    async (envelope, message) => {
      const { output, error } = await decrypt(envelope, byteByByte(message), { context })
      return { code: await codeOf(() => Promise.reject(error)), length: output.length }
    },
  ]),
  [
    'in ranges',
    async (envelope, message) => ({
      code: await codeOf(() => envelope.openRange(message, { context, ignoreSignature: true })),
      length: 0,
    }),
  ],
]

describe.each(ways)('a message is refused %s, before any key call, that has', (_, open) => {
  test.each(hostile)('%s', async (_what, code, message) => {
    const { provider, calls } = spyProvider({ dataKey })
    expect(await open(createEnvelope({ keys: provider }), message)).toEqual({ code, length: 0 })
    expect(calls).toEqual([])
  })
})

test.each(ways)('a message that commits to another data key is refused %s', async (_, open) => {
  const { envelope } = setUp(0x0478)
  const other = writeMessage({
    suite: 0x0478,
    dataKey,
    context: [['tenant', 't-42']],
    frameLength: 16,
    parts: [pattern(3)],
    wrap: () => [
      { providerId: 'spy', providerInfo: pattern(0), ciphertext: pattern(32, 4).map((byte) => byte ^ 0xff) },
    ],
  }).bytes
  expect(await open(envelope, other)).toEqual({ code: 'AUTHENTICATION_FAILED', length: 0 })
})
