import { describe, expect, test, vi } from 'vitest'
import { lv, suiteFacts, u16, u32 } from '../message/reference-format.test-support.ts'
import { type MessageSpec, spyEntry, writeMessage } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { Cursor } from './cursor.ts'
import { type HeaderLimits, HeaderMeasure, parseHeader } from './parse-header.ts'

const limits: HeaderLimits = { maxEncryptedDataKeys: 16, maxHeaderBytes: 2 ** 20 }
const dataKey = pattern(32)
const measureHeader = (bytes: Uint8Array, within: HeaderLimits) => new HeaderMeasure(within).measure(bytes)

function headerOf(suite: number, more: Partial<MessageSpec> = {}): Buffer {
  const key = dataKey.subarray(0, (suiteFacts.find(({ id }) => id === suite)?.bits ?? 0) / 8)
  const context = [['tenant', 't-42']] as const
  return writeMessage({ suite, dataKey: key, context, frameLength: 0x01020304, parts: [pattern(3)], ...more }).header
}

/** A copy with some bytes in another's place. */
function patched(bytes: Buffer, offset: number, patch: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, offset), patch, bytes.subarray(offset + patch.length)])
}

const malformed = (bytes: Buffer) => async () => {
  expect(await codeOf(() => parseHeader(bytes, limits))).toBe('MALFORMED_MESSAGE')
}

// Offsets of fields in the headers used below: from the start, or from the end, where the header's authentication is.
const v1 = { body: headerOf(0x0178), fields: (header: Buffer) => header.length - 28 - 10 }
const v2 = { body: headerOf(0x0478), fields: (header: Buffer) => header.length - 16 - 32 - 5 }

describe('a header read', () => {
  test.each(suiteFacts)('has its fields, in suite $id', ({ id, version }) => {
    const { header, headerBody, messageId } = writeMessage({
      suite: id,
      dataKey: dataKey.subarray(0, (suiteFacts.find((facts) => facts.id === id)?.bits ?? 0) / 8),
      context: [['tenant', 't-42']],
      frameLength: 0x01020304,
      headerIv: pattern(12, version === 1 ? 5 : 0),
      parts: [pattern(3)],
      wrap: (key) => [spyEntry(key), { providerId: 'ä', providerInfo: pattern(300), ciphertext: new Uint8Array(0) }],
    })
    const parsed = parseHeader(Buffer.concat([header, pattern(20)]), limits)
    expect(parsed.suite).toMatchObject({ id, messageVersion: version })
    expect(Buffer.compare(parsed.messageId, messageId)).toBe(0)
    expect(parsed.context.pairs['tenant']).toBe('t-42')
    expect(parsed.encryptedDataKeys.map((entry) => entry.providerId)).toEqual(['spy', 'ä'])
    expect(parsed.encryptedDataKeys.map((entry) => entry.providerInfo.length)).toEqual([3, 300])
    expect(parsed.frameLength).toBe(0x01020304)
    expect(Buffer.compare(parsed.body, headerBody)).toBe(0)
    expect(parsed.commitment?.length).toBe(version === 1 ? undefined : 32)
    expect(Buffer.compare(parsed.iv, version === 1 ? pattern(12, 5) : new Uint8Array(12))).toBe(0)
    expect(Buffer.compare(parsed.tag, header.subarray(-16))).toBe(0)
    expect(parsed.length).toBe(header.length)
  })

  test.each(suiteFacts)('is measured exactly once all of it is there, in suite $id', ({ id }) => {
    const header = headerOf(id)
    for (let length = 0; length < header.length; length++) {
      const due = measureHeader(header.subarray(0, length), limits)
      expect(due > length && due <= header.length, `${due} are due behind ${length}`).toBe(true)
    }
    expect(measureHeader(Buffer.concat([header, pattern(20)]), limits)).toBe(header.length)
  })

  test('is measured on from where it was, byte by byte, in time that does not grow with its square', () => {
    const entries = Array.from({ length: 2000 }, () => spyEntry(dataKey))
    const header = headerOf(0x0478, { wrap: () => entries })
    const measure = new HeaderMeasure({ ...limits, maxEncryptedDataKeys: entries.length })
    const advanced = vi.spyOn(Cursor.prototype, 'take')
    let due = 1
    for (let length = 1; length <= header.length; length++) {
      if (length === due) due = measure.measure(header.subarray(0, length))
    }
    expect(due).toBe(header.length)
    expect(advanced.mock.calls.length).toBeLessThan(20 * entries.length)
  })

  // spec: client-apis/decrypt.md#parse-the-header/2
  test('is read once all of it is there, and not before', async () => {
    for (const { body } of [v1, v2]) {
      for (let length = 0; length < body.length; length++) {
        expect(await codeOf(() => parseHeader(body.subarray(0, length), limits))).toBe('MALFORMED_MESSAGE')
      }
      expect(parseHeader(body, limits).length).toBe(body.length)
    }
  })

  test('is refused as soon as it is wrong, however little of it is there', async () => {
    expect(await codeOf(() => parseHeader(Buffer.of(3), limits))).toBe('MALFORMED_MESSAGE')
    expect(await codeOf(() => parseHeader(Buffer.of(2, 0x01, 0x78), limits))).toBe('MALFORMED_MESSAGE')
  })
})

describe('a header is malformed where', () => {
  // spec: data-format/message-header.md#version/1
  test.each([0, 3, 0x80, 0xff])('its version is %i', (version) => malformed(patched(v2.body, 0, Buffer.of(version)))())

  // spec: data-format/message-header.md#type/1
  test.each([0, 0x81, 0xff])('its type is %i', (type) => malformed(patched(v1.body, 1, Buffer.of(type)))())

  // spec: data-format/message-header.md#algorithm-suite-id/1
  // spec: data-format/message-header.md#algorithm-suite-id/2
  // spec: client-apis/decrypt.md#get-the-decryption-materials/6
  test.each([0, 0x0479, 0x0577, 0x7804, 0xffff])('its suite is %i', async (suite) => {
    await malformed(patched(v2.body, 1, u16(suite)))()
    await malformed(patched(v1.body, 2, u16(suite)))()
  })

  test('its suite is one of the other version', async () => {
    for (const { id, version } of suiteFacts) {
      await malformed(version === 1 ? patched(v2.body, 1, u16(id)) : patched(v1.body, 2, u16(id)))()
    }
  })

  test('all of it is of the one version, but for the number in front', async () => {
    await malformed(Buffer.concat([Buffer.of(2), v1.body.subarray(2)]))()
    await malformed(Buffer.concat([Buffer.of(1, 0x80), v2.body.subarray(1)]))()
  })

  // spec: data-format/message-header.md#encrypted-data-key-count/1
  test('it has no data keys', async () => {
    await malformed(headerOf(0x0478, { wrap: () => [] }))()
    await malformed(headerOf(0x0178, { wrap: () => [] }))()
  })

  // spec: data-format/message-header.md#content-type/1
  test.each([0, 3, 0x12, 0xff])('its content type is %i', async (type) => {
    await malformed(patched(v1.body, v1.fields(v1.body), Buffer.of(type)))()
    await malformed(patched(v2.body, v2.fields(v2.body), Buffer.of(type)))()
  })

  // spec: data-format/message-header.md#reserved/1
  test('a reserved byte is not zero', async () => {
    for (let at = 1; at <= 4; at++) await malformed(patched(v1.body, v1.fields(v1.body) + at, Buffer.of(1)))()
  })

  // spec: data-format/message-header.md#iv-length/1
  test.each([0, 11, 13, 255])('its iv length is %i', (length) => {
    return malformed(patched(v1.body, v1.fields(v1.body) + 5, Buffer.of(length)))()
  })

  // spec: data-format/message-header.md#frame-length/1
  test('an unframed message has a frame length, or a framed one has none', async () => {
    await malformed(patched(v1.body, v1.fields(v1.body), Buffer.of(1)))()
    await malformed(patched(v2.body, v2.fields(v2.body), Buffer.of(1)))()
    await malformed(patched(v1.body, v1.fields(v1.body) + 6, u32(0)))()
    await malformed(patched(v2.body, v2.fields(v2.body) + 1, u32(0)))()
    expect(parseHeader(headerOf(0x0478, { frameLength: 0 }), limits).frameLength).toBe(0)
  })

  test.each(['ff', 'c0af', 'eda080', '78c3'])('a provider id is the ill-formed UTF-8 %s', async (hex) => {
    const wrap = (): never[] => []
    const header = headerOf(0x0478, { wrap })
    const count = header.length - 16 - 32 - 5 - 2
    const entry = Buffer.concat([u16(1), lv(Buffer.from(hex, 'hex')), lv(pattern(3)), lv(pattern(3))])
    await malformed(Buffer.concat([header.subarray(0, count), entry, header.subarray(count + 2)]))()
  })

  test('it signs without a public key, or has one without signing', async () => {
    for (const { id, curve } of suiteFacts) await malformed(headerOf(id, { showsPublicKey: curve === undefined }))()
  })
})

describe('bytes that are base64', () => {
  // spec: client-apis/decrypt.md#encrypted-message-format/1
  test.each([0x0478, 0x0578, 0x0178, 0x0014])('of a message of suite %i are named as such', async (suite) => {
    const text = Buffer.from(headerOf(suite).toString('base64'))
    const error = await refusal(() => parseHeader(text, limits))
    expect([error.code, error.message]).toEqual(['MALFORMED_MESSAGE', expect.stringContaining('base64')])
  })

  test.each(['\n', ' \r\n', '"', "'", '\ufeff'])('are named with %j in front, too', async (first) => {
    const text = Buffer.from(first + headerOf(0x0478).toString('base64'))
    expect((await refusal(() => parseHeader(text, limits))).message).toContain('base64')
  })

  test('of something else are just malformed', async () => {
    const error = await refusal(() => parseHeader(Buffer.from('AAAA'), limits))
    expect([error.code, error.message]).toEqual(['MALFORMED_MESSAGE', expect.not.stringContaining('base64')])
  })
})

describe('the limits on a header', () => {
  test('hold while it is measured, as soon as they are passed', async () => {
    const header = headerOf(0x0478, { wrap: (key) => Array(17).fill(spyEntry(key)) })
    const shortest = header.indexOf(u16(17)) + 2
    expect(measureHeader(header.subarray(0, shortest - 1), limits)).toBe(shortest)
    expect(await codeOf(() => measureHeader(header.subarray(0, shortest), limits))).toBe('LIMIT_EXCEEDED')
    const small = { ...limits, maxHeaderBytes: 100 }
    expect(await codeOf(() => measureHeader(headerOf(0x0478), small))).toBe('LIMIT_EXCEEDED')
  })

  const entries = (count: number) => (key: Uint8Array) => Array.from({ length: count }, () => spyEntry(key))

  test('count its data keys', async () => {
    const parse = (count: number, maxEncryptedDataKeys: number) => {
      return parseHeader(headerOf(0x0478, { wrap: entries(count) }), { ...limits, maxEncryptedDataKeys })
    }
    expect(parse(16, 16).encryptedDataKeys.length).toBe(16)
    expect(await codeOf(() => parse(17, 16))).toBe('LIMIT_EXCEEDED')
    expect(parse(200, Number.POSITIVE_INFINITY).encryptedDataKeys.length).toBe(200)
  })

  // spec: client-apis/decrypt.md#parse-the-header/3
  test('stop at the count of data keys, before one of them is read', async () => {
    const header = headerOf(0x0478, { wrap: () => [] })
    const count = header.length - 16 - 32 - 5 - 2
    for (const claimed of [17, 0xffff]) {
      const cut = Buffer.concat([header.subarray(0, count), u16(claimed)])
      expect(await codeOf(() => parseHeader(cut, limits))).toBe('LIMIT_EXCEEDED')
    }
  })

  test('count its bytes, authentication included', async () => {
    const { body } = v2
    expect(parseHeader(body, { ...limits, maxHeaderBytes: body.length }).length).toBe(body.length)
    const less = { ...limits, maxHeaderBytes: body.length - 1 }
    expect(await codeOf(() => parseHeader(body, less))).toBe('LIMIT_EXCEEDED')
    // A field that ends past the limit is refused though its bytes are not there yet: none are waited for.
    expect(await codeOf(() => parseHeader(body.subarray(0, 41), { ...limits, maxHeaderBytes: 46 }))).toBe(
      'LIMIT_EXCEEDED',
    )
  })
})
