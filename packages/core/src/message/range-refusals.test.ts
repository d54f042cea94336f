import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { allow, setUp, spyProvider } from './fixtures.test-support.ts'
import { countingSource } from './range-source.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const { envelope, spy, dataKey } = setUp(0x0478)
const context = { tenant: 't-42' }
const sealed = await envelope.encrypt(pattern(50), { frameLength: 16, context })

/** The code, where no key was called before the refusal. */
async function codeWithoutCall(run: () => unknown): Promise<string> {
  spy.calls.length = 0
  const code = await codeOf(run)
  expect(spy.calls).toEqual([])
  return code
}

describe('a range is refused where it', () => {
  const wrong: readonly (readonly [string, unknown, unknown])[] = [
    ['is reversed', 5, 4],
    ['starts before the start', -1, 4],
    ['has a fraction', 0.5, 4],
    ['ends at a fraction', 0, 4.5],
    ['is not a number', Number.NaN, 4],
    ['ends at what is not a number', 0, Number.NaN],
    ['has no end', 0, Number.POSITIVE_INFINITY],
    ['is beyond what numbers count', 2 ** 53, 2 ** 53],
    ['is text', '0', '4'],
    ['is big integers', 0n, 4n],
    ['is missing', undefined, undefined],
  ]

  test.each(wrong)('%s, before any key call and any read', async (_, start, end) => {
    const source = countingSource(sealed)
    const options = { start, end } as { start: number; end: number } // what plain JavaScript may pass
    expect(await codeWithoutCall(() => envelope.decryptRange(source, options))).toBe('INVALID_ARGUMENT')
    expect(source.reads).toEqual([])
    await using reader = await envelope.openRange(source)
    source.reads.length = 0
    expect(await codeOf(() => reader.read(options.start, options.end))).toBe('INVALID_ARGUMENT')
    expect(source.reads).toEqual([])
  })

  test('ends or starts past the end, before it is read', async () => {
    const source = countingSource(sealed)
    await using reader = await envelope.openRange(source)
    source.reads.length = 0
    for (const [start, end] of [
      [0, 51],
      [50, 51],
      [51, 51],
      [51, 50],
    ] as const) {
      expect(await codeOf(() => reader.read(start, end))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => envelope.decryptRange(sealed, { start, end }))).toBe('INVALID_ARGUMENT')
    }
    expect(source.reads).toEqual([])
  })
})

test('options that are unknown, null or of another kind are refused', async () => {
  const given = [null, 5, { sing: 1 }, { signal: null }, { signal: 5 }] as object[] as { signal: AbortSignal }[]
  await using reader = await envelope.openRange(sealed)
  for (const options of given) {
    expect(await codeOf(() => reader.read(0, 4, options))).toBe('INVALID_ARGUMENT')
    expect(await codeWithoutCall(() => envelope.openRange(sealed, options))).toBe('INVALID_ARGUMENT')
  }
  expect(await reader.read(0, 4, undefined)).toEqual(pattern(50).slice(0, 4))
  expect(await reader.read(0, 4, { signal: undefined })).toEqual(pattern(50).slice(0, 4))
  const none = undefined as unknown as { start: number; end: number } // what plain JavaScript may pass
  expect(await codeWithoutCall(() => envelope.decryptRange(sealed, none))).toBe('INVALID_ARGUMENT')
  const unsure = { ignoreSignature: 1 } as object
  expect(await codeWithoutCall(() => envelope.openRange(sealed, unsure))).toBe('INVALID_ARGUMENT')
})

const signedSpec = { suite: 0x0578, dataKey, frameLength: 16, parts: [pattern(16), pattern(3)] }

describe('a message is refused, before any key call, where it', () => {
  test('is signed, unless the signature is ignored', async () => {
    const { bytes } = writeMessage(signedSpec)
    for (const options of [{}, { ignoreSignature: false }, { ignoreSignature: undefined }]) {
      expect(await codeWithoutCall(() => envelope.openRange(bytes, options))).toBe('POLICY_VIOLATION')
    }
    await using reader = await envelope.openRange(bytes, { ignoreSignature: true })
    expect(reader.header.signed).toBe(true)
  })

  test('is unframed, signed or not', async () => {
    for (const suite of [0x0478, 0x0578]) {
      const { bytes } = writeMessage({ suite, dataKey, frameLength: 0, parts: [pattern(9)] })
      expect(await codeWithoutCall(() => envelope.openRange(bytes, { ignoreSignature: true }))).toBe('UNSUPPORTED')
    }
  })

  test('does not commit to its key, unless the policy reads such', async () => {
    const { bytes } = writeMessage({ suite: 0x0178, dataKey, frameLength: 16, parts: [pattern(9)] })
    expect(await codeWithoutCall(() => envelope.openRange(bytes))).toBe('POLICY_VIOLATION')
    const lenient = createEnvelope({ keys: spy.provider, commitmentPolicy: allow })
    expect(await lenient.decryptRange(bytes, { start: 0, end: 9 })).toEqual(pattern(9))
  })

  test('has another context than the caller expects', async () => {
    for (const expected of [{ tenant: 't-43' }, { tenant: 't-42', more: 'x' }]) {
      expect(await codeWithoutCall(() => envelope.openRange(sealed, { context: expected }))).toBe('CONTEXT_MISMATCH')
    }
    const strict = createEnvelope({ keys: spy.provider, requireContext: ['tenant'] })
    expect(await codeWithoutCall(() => strict.openRange(sealed))).toBe('INVALID_ARGUMENT')
    expect(await strict.decryptRange(sealed, { context, start: 0, end: 1 })).toEqual(pattern(1))
  })

  test('has frames longer than the limit', async () => {
    const small = createEnvelope({ keys: spy.provider, limits: { maxFrameLength: 15 } })
    expect(await codeWithoutCall(() => small.openRange(sealed))).toBe('LIMIT_EXCEEDED')
  })
})

test('a wrong key, a wrong withheld value and an unauthenticated writer are refused', async () => {
  const other = spyProvider({ providerId: 'other' })
  expect(await codeOf(() => createEnvelope({ keys: other.provider }).openRange(sealed))).toBe('NO_USABLE_KEY')
  const wrongEntry = writeMessage({
    suite: 0x0478,
    dataKey,
    wrap: () => [{ providerId: 'spy', providerInfo: Buffer.from('key'), ciphertext: pattern(32, 5) }],
    frameLength: 16,
    parts: [pattern(9)],
  })
  expect(await codeOf(() => envelope.openRange(wrongEntry.bytes))).toBe('AUTHENTICATION_FAILED')
  const hiding = await envelope.encrypt(pattern(9), { context, withheld: ['tenant'] })
  const guess = { context: { tenant: 't-43' }, withheld: ['tenant'] }
  expect(await codeOf(() => envelope.openRange(hiding, guess))).toBe('AUTHENTICATION_FAILED')
  const anybody = spyProvider({ authenticatesWriter: false })
  const strict = createEnvelope({ keys: anybody.provider, requireAuthenticatedWriter: true })
  expect(await codeOf(() => strict.openRange(sealed))).toBe('POLICY_VIOLATION')
  expect(anybody.calls).toEqual([])
})

test('a closed envelope opens no ranges, and a reader that it gave before reads on', async () => {
  const closing = createEnvelope({ keys: spy.provider })
  await using reader = await closing.openRange(sealed)
  await closing.close()
  expect(await codeWithoutCall(() => closing.openRange(sealed))).toBe('INVALID_ARGUMENT')
  expect(await codeWithoutCall(() => closing.decryptRange(sealed, { start: 0, end: 0 }))).toBe('INVALID_ARGUMENT')
  expect(await reader.read(0, 50)).toEqual(pattern(50))
})
