import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { rebuild, setUp } from './fixtures.test-support.ts'
import { formatPairs, type Pair } from './reference-format.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { newSigner, writeMessage } from './reference-writer.test-support.ts'

const context = { tenant: 't-42', path: '/α' }
const pairs: readonly Pair[] = [
  ['path', '/α'],
  ['tenant', 't-42'],
]

describe('the signature', () => {
  // spec: data-format/message.md#structure/1
  // spec: data-format/message-footer.md#overview/1
  // spec: data-format/message-footer.md#signature/1
  // spec: client-apis/encrypt.md#behavior/1
  // spec: client-apis/encrypt.md#construct-the-signature/1
  // spec: client-apis/encrypt.md#construct-the-signature/2
  // spec: client-apis/encrypt.md#construct-the-signature/3
  // spec: client-apis/encrypt.md#construct-the-signature/4
  // spec: client-apis/encrypt.md#construct-the-signature/5
  // spec: client-apis/encrypt.md#construct-the-signature/7
  // spec: client-apis/encrypt.md#construct-the-signature/8
  test.each([0x0578, 0x0378, 0x0346, 0x0214])('of suite %i is the footer, over header and body', async (suite) => {
    const { dataKey, envelope } = setUp(suite)
    const bytes = Buffer.from(await envelope.encrypt(pattern(5), { suite, context, frameLength: 2 }))
    const read = readMessage(bytes, dataKey) // verifies the signature over all that is before the footer
    const footer = bytes.subarray(rebuild(read, dataKey).length)
    expect(footer.readUInt16BE()).toBe(footer.length - 2)
    expect(read.pairs.map(([name]) => name)).toEqual(['aws-crypto-public-key', 'path', 'tenant'])
  })

  // spec: client-apis/encrypt.md#behavior/2
  test('is absent, and its public key too, where the suite does not sign', async () => {
    for (const suite of [0x0478, 0x0178, 0x0014]) {
      const { dataKey, envelope } = setUp(suite)
      const bytes = await envelope.encrypt(pattern(5), { suite, context })
      const read = readMessage(bytes, dataKey)
      expect(read.contextBytes.equals(formatPairs(pairs))).toBe(true)
      expect(rebuild(read, dataKey).length).toBe(bytes.length)
    }
  })

  // spec: client-apis/decrypt.md#behavior/1
  // spec: client-apis/decrypt.md#behavior/4
  // spec: client-apis/decrypt.md#behavior/5
  // spec: client-apis/decrypt.md#decrypt-the-message-body/17
  // spec: client-apis/decrypt.md#verify-the-signature/1
  // spec: client-apis/decrypt.md#verify-the-signature/2
  // spec: client-apis/decrypt.md#verify-the-signature/4
  // spec: client-apis/decrypt.md#verify-the-signature/5
  test.each([0x0578, 0x0214])('of suite %i is refused when altered, cut, or made by another key', async (suite) => {
    const { dataKey, envelope } = setUp(suite)
    const signer = newSigner(suite)
    const spec = { suite, dataKey, context: pairs, frameLength: 100, signer, parts: [pattern(9)] }
    const { bytes, header, frames, footer } = writeMessage(spec)
    expect((await envelope.decrypt(bytes)).signed).toBe(true)

    const unsigned = Buffer.concat([header, ...frames])
    const otherSignature = writeMessage({ ...spec, signer: newSigner(suite) }).footer
    const otherMessage = writeMessage({ ...spec, parts: [pattern(9, 1)] }).footer
    for (const wrong of [otherSignature, otherMessage, Buffer.from('0000', 'hex'), Buffer.from('000100', 'hex')]) {
      expect(await codeOf(() => envelope.decrypt(Buffer.concat([unsigned, wrong])))).toBe('AUTHENTICATION_FAILED')
    }
    for (let at = 2; at < footer.length; at++) {
      const altered = Buffer.from(footer)
      altered.writeUInt8((altered[at] ?? 0) ^ 1, at)
      expect(await codeOf(() => envelope.decrypt(Buffer.concat([unsigned, altered])))).toBe('AUTHENTICATION_FAILED')
    }
    for (let length = 0; length < footer.length; length++) {
      const cut = Buffer.concat([unsigned, footer.subarray(0, length)])
      expect(await codeOf(() => envelope.decrypt(cut))).toBe('MALFORMED_MESSAGE')
    }
  })

  // spec: client-apis/decrypt.md#behavior/2
  test('is no part of an unsigned message: a footer behind it is refused', async () => {
    const { dataKey, envelope } = setUp(0x0478)
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, frameLength: 100, parts: [pattern(9)] })
    const signed = writeMessage({ suite: 0x0578, dataKey, frameLength: 100, parts: [pattern(9)] })
    expect(await codeOf(() => envelope.decrypt(Buffer.concat([bytes, signed.footer])))).toBe('MALFORMED_MESSAGE')
  })

  test('needs its public key, and a public key needs it', async () => {
    const { dataKey, spy, envelope } = setUp(0x0578)
    const bare = writeMessage({ suite: 0x0578, dataKey, frameLength: 100, parts: [pattern(9)], showsPublicKey: false })
    expect(await codeOf(() => envelope.decrypt(bare.bytes))).toBe('MALFORMED_MESSAGE')
    const more = writeMessage({ suite: 0x0478, dataKey, frameLength: 100, parts: [pattern(9)], showsPublicKey: true })
    expect(await codeOf(() => envelope.decrypt(more.bytes))).toBe('MALFORMED_MESSAGE')
    expect(spy.calls).toEqual([])
  })

  test.each(['AAAA', '!', '', 'A===', 'Ap=='])('refuses %j as its public key', async (publicKey) => {
    const { dataKey, envelope } = setUp(0x0578)
    const signer = { ...newSigner(0x0578), publicKey }
    const { bytes } = writeMessage({ suite: 0x0578, dataKey, frameLength: 100, parts: [pattern(9)], signer })
    expect(await codeOf(() => envelope.decrypt(bytes))).toBe('MALFORMED_MESSAGE')
  })
})
