import { describe, expect, test } from 'vitest'
import { setUp } from '../message/fixtures.test-support.ts'
import { newSigner, spyEntry, writeMessage } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { inspect } from './inspect.ts'

const dataKey = pattern(32, 3)

describe('inspect', () => {
  test('shows what the header of version 2 claims', () => {
    const { bytes, messageId, header } = writeMessage({
      suite: 0x0478,
      dataKey,
      context: [['tenant', 't-42']],
      frameLength: 512,
      parts: [pattern(3)],
    })
    const { context, ...rest } = inspect(bytes)
    expect({ ...context }).toEqual({ tenant: 't-42' })
    expect(rest).toEqual({
      version: 2,
      suite: 0x0478,
      suiteName: 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY',
      signed: false,
      committing: true,
      messageId: new Uint8Array(messageId),
      encryptedDataKeys: [{ ...spyEntry(dataKey), providerInfo: new Uint8Array(Buffer.from('key')) }],
      frameLength: 512,
      headerLength: header.length,
    })
  })

  test('shows what the header of version 1 claims, its public key apart from the context', () => {
    const signer = newSigner(0x0378)
    const spec = { suite: 0x0378, dataKey, context: [['a', 'b']] as const, signer, frameLength: 0, parts: [pattern(3)] }
    const shown = inspect(writeMessage(spec).bytes)
    expect(shown).toMatchObject({ version: 1, suite: 0x0378, signed: true, committing: false, frameLength: 0 })
    expect([shown.messageId.length, shown.publicKey]).toEqual([16, signer.publicKey])
    expect(Object.keys(shown.context)).toEqual(['a'])
  })

  test('needs no more than the header, and refuses less', async () => {
    const { header } = writeMessage({ suite: 0x0478, dataKey, frameLength: 512, parts: [pattern(3)] })
    expect(inspect(header).headerLength).toBe(header.length)
    for (let length = 0; length < header.length; length++) {
      expect(await codeOf(() => inspect(header.subarray(0, length)))).toBe('MALFORMED_MESSAGE')
    }
  })

  test('shows a header of any number of data keys', () => {
    const wrap = () => Array.from({ length: 5000 }, () => spyEntry(dataKey))
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, wrap, frameLength: 512, parts: [pattern(3)] })
    expect(inspect(bytes).encryptedDataKeys.length).toBe(5000)
  })

  test('reads no more than 1 MiB of a header', async () => {
    const wrap = () =>
      Array.from({ length: 20 }, () => ({ ...spyEntry(dataKey), providerInfo: new Uint8Array(60_000) }))
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, wrap, frameLength: 512, parts: [pattern(3)] })
    expect(await codeOf(() => inspect(bytes))).toBe('LIMIT_EXCEEDED')
  })

  test('refuses what is no bytes, and says so of base64', async () => {
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, frameLength: 512, parts: [pattern(3)] })
    const base64 = bytes.toString('base64')
    const asText = await refusal(() => inspect(base64 as unknown as Uint8Array)) // what a caller without types may do
    expect([asText.code, asText.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('base64')])
    const asBytes = await refusal(() => inspect(Buffer.from(base64)))
    expect([asBytes.code, asBytes.message]).toEqual(['MALFORMED_MESSAGE', expect.stringContaining('base64')])
  })

  test('gives memory of its own, and a frozen context without a prototype', async () => {
    const { envelope } = setUp(0x0478)
    const bytes = await envelope.encrypt(pattern(3), { context: { a: 'b' } })
    const shown = inspect(bytes)
    const before = structuredClone(shown)
    bytes.fill(0)
    expect(structuredClone(shown)).toEqual(before)
    expect(Object.isFrozen(shown.context)).toBe(true)
    expect(Object.getPrototypeOf(shown.context)).toBe(null)
  })

  test('calls no key and believes nothing: a header that no key verifies is shown', async () => {
    const { spy, envelope } = setUp(0x0478)
    const bytes = await envelope.encrypt(pattern(3), { context: { a: 'b' } })
    bytes[bytes.indexOf(0x62, 35)] = 0x63 // the value b becomes c
    expect(inspect(bytes).context['a']).toBe('c')
    expect(spy.calls).toEqual(['generateDataKey'])
  })
})
