import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { inspect } from '../wire/inspect.ts'
import { envelope, messages, mutatedMessages, plaintext, splicedMessages } from './damaged-messages.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { spyProvider } from './fixtures.test-support.ts'
import { u16, u32, u64 } from './reference-format.test-support.ts'
import { spyEntry, writeMessage } from './reference-writer.test-support.ts'

/** Refused with a KeyfoldError, or opened to what was sealed: nothing else. */
async function opensOrRefuses(bytes: Uint8Array): Promise<void> {
  const before = Buffer.from(bytes)
  try {
    expect((await envelope.decrypt(bytes)).plaintext).toEqual(plaintext)
    expect(messages.some((message) => message.equals(bytes))).toBe(true)
  } catch (error) {
    if (!KeyfoldError.is(error)) throw error
  }
  try {
    inspect(bytes)
  } catch (error) {
    if (!KeyfoldError.is(error)) throw error
  }
  expect(before.equals(bytes)).toBe(true)
}

/** Each run has this long; a hang fails. */
const timeout = 2_000
const check = (name: string, bytes: fc.Arbitrary<Uint8Array>, numRuns: number): void => {
  test(name, async () => {
    await fc.assert(fc.asyncProperty(bytes, opensOrRefuses), { numRuns, timeout })
  })
}

describe('whatever bytes they are given, decrypt and inspect give a KeyfoldError or the truth', () => {
  check('random bytes', fc.uint8Array({ maxLength: 300 }), 500)

  const prefixes = ['02 0478', '02 0578', '01 80 0178', '01 80 0014', '01 80 0378'].map((hex) =>
    Buffer.from(hex.replaceAll(' ', ''), 'hex'),
  )
  const started = fc.tuple(fc.constantFrom(...prefixes), fc.uint8Array({ maxLength: 300 }))
  check(
    'random bytes behind the start of a message',
    started.map((parts) => Buffer.concat(parts)),
    500,
  )

  check('mutated messages', mutatedMessages, 1500)
  check('two messages spliced', splicedMessages, 500)
})

describe('no length is believed', () => {
  const dataKey = pattern(32, 3)
  const spy = spyProvider()
  const unlimited = createEnvelope({
    keys: spy.provider,
    limits: {
      maxFrameLength: Number.POSITIVE_INFINITY,
      maxHeaderBytes: Number.POSITIVE_INFINITY,
      maxEncryptedDataKeys: Number.POSITIVE_INFINITY,
    },
  })
  const { header } = writeMessage({ suite: 0x0478, dataKey, frameLength: 0xffff_ffff, parts: [pattern(3)] })
  const unframed = writeMessage({ suite: 0x0478, dataKey, frameLength: 0, parts: [pattern(3)] }).header
  const start = header.subarray(0, 35)
  const iv = Buffer.alloc(12)
  const claims: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['a regular frame of 4 GiB', Buffer.concat([header, u32(1), iv, pattern(50)])],
    ['a final frame of 4 GiB', Buffer.concat([header, u32(0xffff_ffff), u32(1), iv, u32(0xffff_ffff), pattern(50)])],
    ['an unframed body of 64 GiB', Buffer.concat([unframed, iv, u64(2 ** 36 - 32), pattern(50)])],
    ['65535 data keys', Buffer.concat([start, u16(0), u16(0xffff), pattern(50)])],
    ['a context of 65535 pairs', Buffer.concat([start, u16(0xffff), u16(0xffff), pattern(50)])],
    ['a provider id of 65535 bytes', Buffer.concat([start, u16(0), u16(1), u16(0xffff), pattern(50)])],
    ['a signature of 65535 bytes', Buffer.concat([...writeOpen(), u16(0xffff)])],
  ]

  function writeOpen(): readonly Buffer[] {
    const message = writeMessage({ suite: 0x0578, dataKey, frameLength: 9, parts: [pattern(3)] })
    return [message.header, ...message.frames]
  }

  /** The most that one of several runs adds to what buffers hold; a collection in the midst of one hides that one alone. */
  async function mostAllocated(run: () => Promise<void>): Promise<number> {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    await run() // so that what is made once is made
    collect()
    let most = 0
    for (let made = 0; made < 20; made++) {
      const before = process.memoryUsage().arrayBuffers
      await run()
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    return most
  }

  test.each(claims)(
    'of %s: malformed, with nothing allocated and no key asked, even without limits',
    async (_, bytes) => {
      const codes = new Set<string>()
      const allocated = await mostAllocated(async () => void codes.add(await codeOf(() => unlimited.decrypt(bytes))))
      expect([...codes]).toEqual(['MALFORMED_MESSAGE'])
      expect(allocated).toBeLessThan(2 ** 15) // half of the least that is claimed
      expect(spy.calls).toEqual([])
    },
  )

  test('a header of 65535 data keys, all there, is refused by its count', async () => {
    const entry = { ...spyEntry(new Uint8Array(0)), providerInfo: new Uint8Array(0) }
    const { bytes } = writeMessage({
      suite: 0x0478,
      dataKey,
      wrap: () => Array(0xffff).fill(entry),
      frameLength: 9,
      parts: [pattern(3)],
    })
    const error = await refusal(() => createEnvelope({ keys: spy.provider }).decrypt(bytes))
    expect([error.code, error.message]).toEqual([
      'LIMIT_EXCEEDED',
      expect.stringContaining('65535 encrypted data keys'),
    ])
    expect(spy.calls).toEqual([])
  })

  // A doubt, reported: whoever sends messages can fill a log with the provider ids that the error names.
  test('an error stays short, whatever is in the header', async () => {
    const long = { ...spyEntry(new Uint8Array(0)), providerId: 'x'.repeat(0xffff) }
    const { bytes } = writeMessage({ suite: 0x0478, dataKey, wrap: () => [long], frameLength: 9, parts: [pattern(3)] })
    const error = await refusal(() => unlimited.decrypt(bytes))
    expect(error.code).toBe('NO_USABLE_KEY')
    expect(error.message.length).toBeLessThan(2000)
  })

  test('a message of many small frames, the last one missing, is refused in no time', async () => {
    const body = Buffer.alloc(33 * 200_000)
    const tiny = writeMessage({ suite: 0x0478, dataKey, frameLength: 1, parts: [pattern(1)] })
    expect(await codeOf(() => unlimited.decrypt(Buffer.concat([tiny.header, body])))).toBe('MALFORMED_MESSAGE')
    expect(spy.calls).toEqual([])
  }, 2_000)
})
