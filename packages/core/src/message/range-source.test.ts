import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { countingSource } from './range-source.test-support.ts'
import type { RangeSource } from './range-source.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const { envelope, spy, dataKey } = setUp(0x0478)
const sealed = await envelope.encrypt(pattern(50), { frameLength: 16 })

/** The code, where no key was called before the refusal. */
async function codeWithoutCall(run: () => unknown): Promise<string> {
  spy.calls.length = 0
  const code = await codeOf(run)
  expect(spy.calls).toEqual([])
  return code
}

describe('a source is refused, before any key call, where it', () => {
  const read: RangeSource['read'] = async (start, end) => sealed.subarray(start, end)
  const wrong: readonly (readonly [string, unknown])[] = [
    ['is nothing', undefined],
    ['is null', null],
    ['is text', Buffer.from(sealed).toString('base64')],
    ['is an ArrayBuffer', sealed.buffer],
    ['is an array of numbers', [...sealed]],
    ['is another view', new DataView(sealed.buffer)],
    ['is on shared memory', new Uint8Array(new SharedArrayBuffer(100))],
    ['cannot read', { size: sealed.length }],
    ['reads by no function', { size: sealed.length, read: sealed }],
    ['has no size', { read }],
    ['has an undefined size', { size: undefined, read }],
    ['has a negative size', { size: -1, read }],
    ['has a fraction of a size', { size: 10.5, read }],
    ['has a size that is not a number', { size: Number.NaN, read }],
    ['has no end', { size: Number.POSITIVE_INFINITY, read }],
    ['has text as a size', { size: '100', read }],
    ['has a big integer as a size', { size: 100n, read }],
    ['has a size beyond what numbers count', { size: 2 ** 53, read }],
  ]

  test.each(wrong)('%s', async (_, source) => {
    const given = source as RangeSource // what plain JavaScript may pass
    expect(await codeWithoutCall(() => envelope.openRange(given))).toBe('INVALID_ARGUMENT')
    expect(await codeWithoutCall(() => envelope.decryptRange(given, { start: 0, end: 0 }))).toBe('INVALID_ARGUMENT')
  })
})

describe('an answer of a source is refused where it', () => {
  const answers: readonly (readonly [string, (bytes: Uint8Array) => unknown, string])[] = [
    ['is a byte short', (bytes) => bytes.subarray(1), 'TRANSPORT_CORRUPTION'],
    ['is a byte long', (bytes) => Buffer.concat([bytes, Buffer.of(0)]), 'TRANSPORT_CORRUPTION'],
    ['is empty', () => new Uint8Array(0), 'TRANSPORT_CORRUPTION'],
    ['is the whole, whatever was asked for', () => Buffer.concat([sealed, sealed]), 'TRANSPORT_CORRUPTION'],
    ['is text', (bytes) => Buffer.from(bytes).toString('latin1'), 'INVALID_ARGUMENT'],
    ['is an ArrayBuffer', (bytes) => bytes.buffer, 'INVALID_ARGUMENT'],
    ['is nothing', () => undefined, 'INVALID_ARGUMENT'],
    ['is on shared memory', ({ length }) => new Uint8Array(new SharedArrayBuffer(length)), 'INVALID_ARGUMENT'],
  ]

  test.each(answers)('%s, to whichever read', async (_, answer, code) => {
    for (const failing of [1, 2, 3]) {
      const source = countingSource(sealed, (bytes) => {
        return source.reads.length === failing ? (answer(bytes) as Uint8Array) : bytes // what plain JavaScript may give
      })
      const opening = () => envelope.decryptRange(source, { start: 5, end: 20 })
      expect(await (failing === 1 ? codeWithoutCall : codeOf)(opening)).toBe(code)
      expect(source.reads.length).toBe(failing)
    }
  })

  test('is an error: a KeyfoldError as it is, anything else as the cause of an UNKNOWN', async () => {
    for (const failing of [1, 2, 3]) {
      for (const thrown of [new Error('disk'), 'text', undefined, new KeyfoldError('THROTTLED', 'slow down')]) {
        const source = countingSource(sealed, (bytes) => {
          if (source.reads.length === failing) throw thrown
          return bytes
        })
        const error = await refusal(() => envelope.decryptRange(source, { start: 5, end: 20 }))
        if (KeyfoldError.is(thrown)) expect(error).toBe(thrown)
        else expect([error.code, error.cause]).toEqual(['UNKNOWN', thrown])
      }
    }
  })

  test('is an error that is thrown where a promise is due', async () => {
    const cause = new Error('at once')
    const read = (): never => {
      throw cause
    }
    expect((await refusal(() => envelope.openRange({ size: 100, read }))).cause).toBe(cause)
  })
})

describe('a source that never answers', () => {
  const never = new Promise<never>(() => undefined)

  test.each([1, 2, 3])('is given up when the caller aborts, at read %i, and leaves no listener', async (silent) => {
    const controller = new AbortController()
    const { signal } = controller
    const reached = Promise.withResolvers<void>()
    const source = countingSource(sealed, (bytes) => {
      if (source.reads.length < silent) return bytes
      reached.resolve()
      return never
    })
    const reading = refusal(() => envelope.decryptRange(source, { start: 5, end: 20, signal }))
    await reached.promise
    const reason = new Error('enough')
    controller.abort(reason)
    const error = await reading
    expect([error.code, error.cause]).toEqual(['ABORTED', reason])
    expect(source.reads.every((read) => read.signal === signal)).toBe(true)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('is not asked where the signal is aborted already', async () => {
    const source = countingSource(sealed)
    const signal = AbortSignal.abort()
    expect(await codeWithoutCall(() => envelope.openRange(source, { signal }))).toBe('ABORTED')
    await using reader = await envelope.openRange(source)
    source.reads.length = 0
    expect(await codeOf(() => reader.read(0, 9, { signal }))).toBe('ABORTED')
    expect(await codeOf(() => reader.read(9, 9, { signal }))).toBe('ABORTED')
    expect(source.reads).toEqual([])
  })

  test('does not keep the next read from being answered', async () => {
    const controller = new AbortController()
    let answers = true
    const source = countingSource(sealed, (bytes) => (answers ? bytes : never))
    await using reader = await envelope.openRange(source)
    answers = false
    const silent = codeOf(() => reader.read(0, 9, { signal: controller.signal }))
    answers = true
    const next = await reader.read(0, 9)
    controller.abort()
    expect([await silent, next]).toEqual(['ABORTED', pattern(50).slice(0, 9)])
  })
})

test('no listener is left on the signal of readings that succeed or fail', async () => {
  const { signal } = new AbortController()
  await using reader = await envelope.openRange(sealed, { signal })
  await reader.read(0, 50, { signal })
  const failing = countingSource(sealed, () => new Uint8Array(0))
  expect(await codeOf(() => envelope.openRange(failing, { signal }))).toBe('TRANSPORT_CORRUPTION')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a source that gets no signal of the caller’s gets one of its own each time, that listeners may stay on', async () => {
  const source = countingSource(sealed)
  await envelope.decryptRange(source, { start: 0, end: 50 })
  const signals = source.reads.map((read) => read.signal)
  expect(signals.every((signal) => signal instanceof AbortSignal && !signal.aborted)).toBe(true)
  expect(new Set(signals).size).toBe(signals.length)
})

test('a source that aborts its caller and throws at once leaves no rejection behind', async () => {
  const controller = new AbortController()
  const read = (): never => {
    controller.abort()
    throw new Error('at once')
  }
  const { signal } = controller
  expect(await codeOf(() => envelope.openRange({ size: 100, read }, { signal }))).toBe('ABORTED')
  await new Promise((resolve) => setImmediate(resolve)) // an unhandled rejection would fail the run
})

test('a source is never asked for no bytes', async () => {
  const signed = writeMessage({ suite: 0x0578, dataKey, frameLength: 16, parts: [pattern(3)] })
  for (const content of [new Uint8Array(0), signed.header]) {
    const source = countingSource(content)
    expect(await codeWithoutCall(() => envelope.openRange(source, { ignoreSignature: true }))).toBe('MALFORMED_MESSAGE')
    for (const { start, end } of source.reads) expect(end).toBeGreaterThan(start)
  }
})
