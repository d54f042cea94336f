import { describe, expect, test } from 'vitest'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { envelope, kinds, plaintext, regionsOf, write } from './damage.test-support.ts'

const malformed = 'MALFORMED_MESSAGE'

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
