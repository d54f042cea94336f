import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { decryptDuplex, encryptDuplex } from '../node/duplex.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { byteByByte, driveDuplex, driveWeb, streamKinds } from './stream-kinds.test-support.ts'

const { envelope } = setUp(0x0478)
const code = (error: unknown): unknown => (KeyfoldError.is(error) ? error.code : error)

describe.each(streamKinds)('the length of plaintext in a $kind', ({ encrypt, decrypt }) => {
  test('may be given exactly', async () => {
    for (const length of [0, 1, 40]) {
      const { output, error } = await encrypt(envelope, byteByByte(pattern(length)), { length, frameLength: 16 })
      expect(error).toBeUndefined()
      expect((await decrypt(envelope, [output])).output.equals(pattern(length))).toBe(true)
    }
  })

  // spec: client-apis/encrypt.md#plaintext-length-bound/1
  // spec: client-apis/encrypt.md#construct-the-body/2
  // spec: framework/cmm-interface.md#encryption-materials-request/2
  test('is exceeded by one byte more, at once', async () => {
    for (const length of [0, 1, 16, 40]) {
      const { output, error, writeError } = await encrypt(envelope, byteByByte(pattern(length + 1)), {
        length,
        frameLength: 16,
      })
      expect([code(error), writeError instanceof Error]).toEqual(['LIMIT_EXCEEDED', true])
      expect((await decrypt(envelope, [output])).error).toMatchObject({ code: 'MALFORMED_MESSAGE' })
    }
  })

  test('is fallen short of by one byte less, and the message stays without its end', async () => {
    for (const length of [1, 16, 40]) {
      const { output, error } = await encrypt(envelope, [pattern(length - 1)], { length, frameLength: 16 })
      expect(code(error)).toBe('INVALID_ARGUMENT')
      expect((await decrypt(envelope, [output])).error).toMatchObject({ code: 'MALFORMED_MESSAGE' })
    }
  })

  test('lets a full frame go before the next byte has come, where it says that there is one', async () => {
    for (const length of [17, 40]) {
      const { readable, writable } = envelope.encryptStream({ length, frameLength: 16 })
      const writing = writable.getWriter().write(pattern(16))
      const reader = readable.getReader()
      await reader.read() // the header
      expect((await reader.read()).value?.length).toBe(4 + 12 + 16 + 16)
      const cancelled = reader.cancel()
      await Promise.allSettled([writing, cancelled])
    }
  })

  test('is a whole number of bytes, and of no more frames than a message has', async () => {
    for (const length of [-1, 1.5, Number.NaN, 2 ** 53, '3', null]) {
      const wrong = length as number // what plain JavaScript may pass
      expect(await codeOf(() => encrypt(envelope, [], { length: wrong })), String(length)).toBe('INVALID_ARGUMENT')
    }
    const spy = spyProvider()
    const unasked = createEnvelope({ keys: spy.provider })
    expect(await codeOf(() => encrypt(unasked, [], { length: 2 ** 32, frameLength: 1 }))).toBe('LIMIT_EXCEEDED')
    expect(spy.calls).toEqual([])
    const most = await encrypt(envelope, [], { length: 2 ** 32 - 1, frameLength: 1 })
    expect(code(most.error)).toBe('INVALID_ARGUMENT') // it has begun, and fallen short
  })
})

describe('the sealed length', () => {
  const lengthOf = async (length: number, frameLength: number, more: object = {}): Promise<readonly unknown[]> => {
    const web = envelope.encryptStream({ length, frameLength, ...more })
    const duplex = encryptDuplex(envelope, { length, frameLength, ...more })
    const sealed = [await driveWeb(web, [pattern(length)]), await driveDuplex(duplex, [pattern(length)])]
    expect(sealed.map(({ output }) => output.length)).toEqual([await web.sealedLength, await duplex.sealedLength])
    return [await web.sealedLength]
  }

  test.each([1, 16, 70_000])('is the real one, in frames of %i', async (frameLength) => {
    for (const length of [0, 1, frameLength - 1, frameLength, frameLength + 1, 2 * frameLength, 2 * frameLength + 1]) {
      await lengthOf(length, frameLength, { context: { tenant: 't-42' } })
    }
  })

  test('is not known of a signed message, or without a length', async () => {
    const unknown = [envelope.encryptStream({ length: 3, sign: true }), envelope.encryptStream()]
    for (const { sealedLength } of unknown) expect(await sealedLength).toBeUndefined()
  })
})

describe('what is told before the end', () => {
  // spec: client-apis/encrypt.md#construct-the-header/31
  test('is told before anything is written, and before anything is read', async () => {
    for (const { header, sealedLength } of [
      envelope.encryptStream({ length: 3, context: { tenant: 't-42' } }),
      encryptDuplex(envelope, { length: 3, context: { tenant: 't-42' } }),
    ]) {
      const { headerLength, context } = await header
      expect({ ...context }).toEqual({ tenant: 't-42' })
      expect(await sealedLength).toBe(headerLength + 24 + 3 + 16)
    }
  })

  test('fails with the keys', async () => {
    const failing = spyProvider({
      before() {
        throw new KeyfoldError('ACCESS_DENIED', 'no')
      },
    })
    const denied = createEnvelope({ keys: failing.provider })
    const duplex = encryptDuplex(denied, { length: 3 }).on('error', () => undefined)
    for (const { header, sealedLength } of [denied.encryptStream({ length: 3 }), duplex]) {
      expect(await codeOf(() => header)).toBe('ACCESS_DENIED')
      expect(await codeOf(() => sealedLength)).toBe('ACCESS_DENIED')
    }
    const sealed = await envelope.encrypt(pattern(3))
    const web = denied.decryptStream()
    expect(code((await driveWeb(web, [sealed])).error)).toBe('ACCESS_DENIED')
    expect(await codeOf(() => web.header)).toBe('ACCESS_DENIED')
    const opening = decryptDuplex(denied)
    expect(code((await driveDuplex(opening, [sealed])).error)).toBe('ACCESS_DENIED')
    expect(await codeOf(() => opening.header)).toBe('ACCESS_DENIED')
  })
})
