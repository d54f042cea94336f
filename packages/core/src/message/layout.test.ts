import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { rebuild, setUp, spyProvider } from './fixtures.test-support.ts'
import { deriveKeys, factsOf, type Pair, suiteFacts } from './reference-format.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { sealGcm, writeMessage } from './reference-writer.test-support.ts'

const context = { tenant: 't-42', path: '/α' }
const pairs: readonly Pair[] = [
  ['path', '/α'],
  ['tenant', 't-42'],
]
const named = suiteFacts.map((facts) => ({ ...facts, hex: `0x${facts.id.toString(16).padStart(4, '0')}` }))

describe('the layout, against a reference written from the description', () => {
  // spec: client-apis/client.md#encrypt/1
  // spec: client-apis/encrypt.md#overview/1
  // spec: client-apis/encrypt.md#encrypted-message/1
  // spec: client-apis/encrypt.md#behavior/3
  // spec: client-apis/encrypt.md#behavior/4
  // spec: client-apis/encrypt.md#algorithm-suite/1
  // spec: client-apis/encrypt.md#algorithm-suite/3
  // spec: client-apis/encrypt.md#get-the-encryption-materials/2
  // spec: client-apis/encrypt.md#get-the-encryption-materials/8
  // spec: client-apis/encrypt.md#get-the-encryption-materials/12
  // spec: client-apis/encrypt.md#construct-the-header/2
  // spec: client-apis/encrypt.md#construct-the-header/22
  // spec: client-apis/encrypt.md#construct-the-header/23
  // spec: client-apis/encrypt.md#construct-the-header/32
  // spec: client-apis/encrypt.md#construct-the-body/1
  // spec: client-apis/encrypt.md#construct-a-frame/1
  // spec: client-apis/encrypt.md#construct-a-frame/9
  // spec: client-apis/encrypt.md#construct-a-frame/12
  // spec: client-apis/encrypt.md#construct-a-frame/13
  test.each(named)('writes suite $hex byte for byte', async ({ id, version, curve }) => {
    const { dataKey, envelope } = setUp(id)
    const plaintext = pattern(250)
    const bytes = await envelope.encrypt(plaintext, { context, suite: id, frameLength: 100 })
    const read = readMessage(bytes, dataKey)
    expect([read.suite, read.version]).toEqual([id, version])
    expect(read.plaintext.equals(plaintext)).toBe(true)
    expect(read.frames.map((frame) => frame.plaintext.length)).toEqual([100, 100, 50])
    const rebuilt = rebuild(read, dataKey)
    if (curve === undefined) expect(Buffer.from(bytes).toString('hex')).toBe(rebuilt.toString('hex'))
    else expect(Buffer.from(bytes).subarray(0, rebuilt.length).toString('hex')).toBe(rebuilt.toString('hex'))
  })

  // spec: client-apis/client.md#decrypt/1
  // spec: client-apis/decrypt.md#overview/1
  // spec: client-apis/decrypt.md#output/1
  // spec: client-apis/decrypt.md#encrypted-message/1
  // spec: client-apis/decrypt.md#algorithm-suite/1
  // spec: client-apis/decrypt.md#parse-the-header/1
  // spec: client-apis/decrypt.md#get-the-decryption-materials/10
  // spec: client-apis/decrypt.md#decrypt-the-message-body/1
  // spec: client-apis/decrypt.md#decrypt-the-message-body/4
  // spec: client-apis/decrypt.md#decrypt-the-message-body/5
  // spec: client-apis/decrypt.md#decrypt-the-message-body/6
  // spec: client-apis/decrypt.md#decrypt-the-message-body/12
  test.each(named)('opens suite $hex as the reference writes it', async ({ id, curve }) => {
    const { dataKey, envelope } = setUp(id)
    const parts = [pattern(100), pattern(100, 1), pattern(7, 2)]
    const { bytes } = writeMessage({ suite: id, dataKey, context: pairs, frameLength: 100, parts })
    const opened = await envelope.decrypt(bytes)
    expect(Buffer.from(opened.plaintext).equals(Buffer.concat(parts))).toBe(true)
    expect(opened.context).toEqual(Object.assign(Object.create(null), context))
    expect(opened.suite).toBe(id)
    expect(opened.signed).toBe(curve !== undefined)
    expect(opened.openedBy).toEqual({ name: 'spy', providerId: 'spy', authenticatesWriter: true })
  })

  // spec: client-apis/encrypt.md#construct-the-header/24
  // spec: client-apis/encrypt.md#construct-the-header/25
  test.each([0x0478, 0x0178])('authenticates withheld pairs behind the header of suite %i', async (suite) => {
    const { dataKey, envelope } = setUp(suite)
    const all = { ...context, hidden: 'h', also: 'a' }
    const bytes = await envelope.encrypt(pattern(5), {
      context: all,
      withheld: ['hidden', 'also'],
      suite,
      frameLength: 100,
    })
    const withheld: readonly Pair[] = [
      ['also', 'a'],
      ['hidden', 'h'],
    ]
    const read = readMessage(bytes, dataKey, withheld)
    expect(Buffer.from(bytes).toString('hex')).toBe(rebuild(read, dataKey, withheld).toString('hex'))
    expect(() => readMessage(bytes, dataKey)).toThrow()
  })
})

describe('the layout, field by field', () => {
  // spec: data-format/message-header.md#structure/1
  // spec: data-format/message-header.md#header-body-version-20/1
  // spec: data-format/message-header.md#algorithm-suite-data/1
  // spec: client-apis/encrypt.md#construct-the-header/3
  // spec: client-apis/encrypt.md#construct-the-header/4
  // spec: client-apis/encrypt.md#construct-the-header/5
  // spec: client-apis/encrypt.md#construct-the-header/8
  // spec: client-apis/encrypt.md#construct-the-header/9
  // spec: client-apis/encrypt.md#construct-the-header/10
  // spec: client-apis/encrypt.md#construct-the-header/11
  // spec: client-apis/encrypt.md#construct-the-header/26
  // spec: client-apis/encrypt.md#construct-the-header/27
  test('a header of version 2 is version, suite, id, context, data keys, type, frame length, commitment, tag', async () => {
    const { dataKey, envelope } = setUp(0x0478)
    const bytes = Buffer.from(
      await envelope.encrypt(pattern(5), { context: { k: 'val' }, frameLength: 0x01020304 >> 8 }),
    )
    const messageId = bytes.subarray(3, 35)
    const { key, commitment } = deriveKeys(0x0478, dataKey, messageId)
    const wrapped = Buffer.from(dataKey.map((byte) => byte ^ 0xff)).toString('hex')
    const body = [
      '02 0478',
      messageId.toString('hex'),
      '000a 0001 0001 6b 0003 76616c',
      '0001 0003 737079 0003 6b6579 0020',
      wrapped,
      '02 00010203',
      commitment.toString('hex'),
    ]
    const headerBody = Buffer.from(body.join('').replaceAll(' ', ''), 'hex')
    const { tag } = sealGcm(factsOf(0x0478), key, Buffer.alloc(12), headerBody, Buffer.alloc(0))
    const header = Buffer.concat([headerBody, tag])
    expect(bytes.subarray(0, header.length).toString('hex')).toBe(header.toString('hex'))
    expect(bytes.subarray(header.length, header.length + 4).toString('hex')).toBe('ffffffff')
  })

  // spec: data-format/message-header.md#header-body-version-10/1
  // spec: client-apis/encrypt.md#construct-the-header/12
  // spec: client-apis/encrypt.md#construct-the-header/13
  // spec: client-apis/encrypt.md#construct-the-header/14
  // spec: client-apis/encrypt.md#construct-the-header/15
  // spec: client-apis/encrypt.md#construct-the-header/18
  // spec: client-apis/encrypt.md#construct-the-header/19
  // spec: client-apis/encrypt.md#construct-the-header/20
  // spec: client-apis/encrypt.md#construct-the-header/21
  // spec: client-apis/encrypt.md#construct-the-header/28
  // spec: client-apis/encrypt.md#construct-the-header/29
  // spec: client-apis/encrypt.md#construct-the-header/30
  test('a header of version 1 has type, reserved zeros, iv length and iv besides, and no commitment', async () => {
    const { dataKey, envelope } = setUp(0x0178)
    const bytes = Buffer.from(await envelope.encrypt(pattern(5), { suite: 0x0178, frameLength: 0x00010203 }))
    const messageId = bytes.subarray(4, 20)
    const { key } = deriveKeys(0x0178, dataKey, messageId)
    const wrapped = Buffer.from(dataKey.map((byte) => byte ^ 0xff)).toString('hex')
    const body = [
      '01 80 0178',
      messageId.toString('hex'),
      '0000',
      '0001 0003 737079 0003 6b6579 0020',
      wrapped,
      '02 00000000 0c 00010203',
    ]
    const headerBody = Buffer.from(body.join('').replaceAll(' ', ''), 'hex')
    const { tag } = sealGcm(factsOf(0x0178), key, Buffer.alloc(12), headerBody, Buffer.alloc(0))
    const header = Buffer.concat([headerBody, Buffer.alloc(12), tag])
    expect(bytes.subarray(0, header.length).toString('hex')).toBe(header.toString('hex'))
  })

  test.each(['', 'ä', 'x😀', 'y'.repeat(300)])('a provider id is its UTF-8: %j', async (providerId) => {
    const spy = spyProvider({ providerId })
    const bytes = await createEnvelope({ keys: spy.provider }).encrypt(pattern(5))
    expect(readMessage(bytes, pattern(32, 77)).entries.map((entry) => entry.providerId)).toEqual([providerId])
    expect((await createEnvelope({ keys: spy.provider }).decrypt(bytes)).openedBy.providerId).toBe(providerId)
  })

  // spec: data-format/message-header.md#key-value-pairs-length/1
  // spec: data-format/message-header.md#key-value-pairs/1
  test('an empty context is a length of zero and nothing else', async () => {
    const { dataKey, envelope } = setUp(0x0478)
    for (const options of [{}, { context: {} }]) {
      const bytes = Buffer.from(await envelope.encrypt(pattern(5), options))
      expect(bytes.subarray(35, 39).toString('hex')).toBe('00000001') // and then the count of data keys
      expect(readMessage(bytes, dataKey).pairs).toEqual([])
    }
  })

  // spec: data-format/message-body.md#sequence-number/1
  // spec: data-format/message-body.md#sequence-number/2
  // spec: data-format/message-body.md#sequence-number/3
  // spec: data-format/message-body.md#sequence-number-end/1
  // spec: data-format/message-body.md#encrypted-content/1
  // spec: data-format/message-body.md#iv/3
  // spec: data-format/message-body.md#iv/5
  // spec: data-format/message-body.md#authentication-tag/1
  // spec: data-format/message-body.md#authentication-tag/2
  // spec: data-format/message-body-aad.md#body-aad-content/2
  // spec: data-format/message-body-aad.md#body-aad-content/3
  // spec: data-format/message-body-aad.md#sequence-number/1
  // spec: data-format/message-body-aad.md#content-length/2
  // spec: data-format/message-body-aad.md#content-length/3
  // spec: data-format/message-body-aad.md#content-length/4
  // spec: client-apis/encrypt.md#construct-a-frame/2
  // spec: client-apis/encrypt.md#construct-a-frame/3
  // spec: client-apis/encrypt.md#construct-a-frame/4
  // spec: client-apis/encrypt.md#construct-a-frame/10
  // spec: client-apis/encrypt.md#construct-a-frame/11
  test('frames are number, iv, content, tag; the final one has a mark and its length besides', async () => {
    const { dataKey, envelope } = setUp(0x0478)
    const bytes = Buffer.from(await envelope.encrypt(pattern(7), { frameLength: 3 }))
    const { headerLength, messageId } = readMessage(bytes, dataKey)
    const { key } = deriveKeys(0x0478, dataKey, messageId)
    const seal = (text: string, number: number, part: Uint8Array): string => {
      const aad = Buffer.concat([
        messageId,
        Buffer.from(text),
        Buffer.from(`0000000${number}000000000000000${part.length}`, 'hex'),
      ])
      const iv = Buffer.from(`00000000000000000000000${number}`, 'hex')
      const { ciphertext, tag } = sealGcm(factsOf(0x0478), key, iv, aad, part)
      return ciphertext.toString('hex') + tag.toString('hex')
    }
    const frames = [
      `00000001 000000000000000000000001 ${seal('AWSKMSEncryptionClient Frame', 1, pattern(7).slice(0, 3))}`,
      `00000002 000000000000000000000002 ${seal('AWSKMSEncryptionClient Frame', 2, pattern(7).slice(3, 6))}`,
      'ffffffff 00000003 000000000000000000000003 00000001',
      seal('AWSKMSEncryptionClient Final Frame', 3, pattern(7).slice(6)),
    ]
    expect(bytes.subarray(headerLength).toString('hex')).toBe(frames.join('').replaceAll(' ', ''))
  })

  // spec: data-format/message-body.md#iv/2
  // spec: data-format/message-body.md#iv/4
  test('no iv repeats within a message, the header included', async () => {
    for (const suite of [0x0478, 0x0178]) {
      const { dataKey, envelope } = setUp(suite)
      const bytes = await envelope.encrypt(pattern(600), { suite, frameLength: 2 })
      const read = readMessage(bytes, dataKey)
      const ivs = [read.headerIv, ...read.frames.map((frame) => frame.iv)].map((iv) => iv.toString('hex'))
      expect(ivs.length).toBe(301)
      expect(new Set(ivs).size).toBe(301)
    }
  })

  // spec: data-format/message-header.md#message-id/1
  // spec: data-format/message-header.md#message-id/2
  // spec: client-apis/encrypt.md#construct-the-header/6
  // spec: client-apis/encrypt.md#construct-the-header/16
  test.each([0x0478, 0x0178])('message ids of suite %i are drawn at random, every bit of them', async (suite) => {
    const { dataKey, envelope } = setUp(suite)
    const ids: Buffer[] = []
    for (let at = 0; at < 200; at++)
      ids.push(readMessage(await envelope.encrypt(pattern(1), { suite }), dataKey).messageId)
    expect(new Set(ids.map((id) => id.toString('hex'))).size).toBe(200)
    const bits = (ids[0]?.length ?? 0) * 8
    expect(bits).toBe(suite === 0x0478 ? 256 : 128)
    for (let bit = 0; bit < bits; bit++) {
      const ones = ids.filter((id) => ((id[bit >> 3] ?? 0) >> (bit & 7)) & 1).length
      // Ten standard deviations from half would be 170.
      expect(Math.abs(ones - 100), `bit ${bit}: ${ones} ones of 200`).toBeLessThan(70)
    }
  })
})
