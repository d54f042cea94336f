import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { unwrapDataKey } from './data-key.ts'
import { bound, canary, canaryIn, entryOf, providerOf, type Watched, watched } from './doubles.test-support.ts'
import type { CallOptions } from './key-provider.ts'

type Unwrap = (request: unknown, options: CallOptions) => Promise<SecretBytes>

/** A call to a provider, the shortest way to one. */
const call = (unwrap: Unwrap, conditions: Watched = watched()): Promise<SecretBytes> =>
  unwrapDataKey(
    providerOf('slow', { unwrapDataKey: unwrap }),
    { entry: entryOf('slow', canary()), length: 32, ...bound },
    conditions,
  )

/** A provider's operation that answers when the test says so. */
function pending() {
  const { promise, resolve, reject } = Promise.withResolvers<SecretBytes>()
  const signals: AbortSignal[] = []
  const unwrap: Unwrap = (_, { signal }) => {
    signals.push(signal)
    return promise
  }
  return { unwrap, resolve, reject, signals }
}

const unanswered = (): Promise<never> => new Promise<never>(() => undefined)
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a call to a provider', () => {
  test('gives its answer, and leaves no timer, listener or event behind', async () => {
    const caller = new AbortController()
    const conditions = watched(caller.signal)
    const { unwrap, resolve, signals } = pending()
    const answer = call(unwrap, conditions)
    await settled()
    expect(conditions.clock.pending).toBe(1)
    const dataKey = SecretBytes.from(canary())
    resolve(dataKey)
    expect(await answer).toBe(dataKey)
    expect(conditions.clock.pending).toBe(0)
    conditions.clock.advance(20_000)
    caller.abort()
    expect(dataKey.released).toBe(false)
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    expect(conditions.events).toEqual([])
  })

  test('ends at its deadline and no earlier, with its signal aborted', async () => {
    const caller = new AbortController()
    const conditions = watched(caller.signal, 500)
    const { unwrap, signals } = pending()
    const code = codeOf(() => call(unwrap, conditions))
    await settled()
    conditions.clock.advance(499)
    await settled()
    expect(signals[0]?.aborted).toBe(false)
    conditions.clock.advance(1)
    expect(await code).toBe('TIMEOUT')
    expect(signals[0]?.aborted).toBe(true)
    expect(signals[0]?.reason).toMatchObject({ code: 'TIMEOUT' })
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
  })

  test('that is out of time may be tried again, and says how long it waited for whom', async () => {
    const conditions = watched(undefined, 500)
    const refused = refusal(() => call(unanswered, conditions))
    await settled()
    conditions.clock.advance(500)
    const error = await refused
    expect(error.retryable).toBe(true)
    expect(error.message).toContain('slow: no answer within 500 ms')
  })

  test("ends when the caller aborts, with the caller's reason, whether the provider heeds it or not", async () => {
    const caller = new AbortController()
    const conditions = watched(caller.signal)
    const { unwrap, signals } = pending()
    const refused = refusal(() => call(unwrap, conditions))
    await settled()
    caller.abort('enough')
    const error = await refused
    expect([error.code, error.cause, error.retryable]).toEqual(['ABORTED', 'enough', false])
    expect(signals[0]?.aborted).toBe(true)
    expect(conditions.clock.pending).toBe(0)
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
  })

  test('is not made at all once the caller has aborted', async () => {
    const { unwrap, signals } = pending()
    const conditions = watched(AbortSignal.abort())
    expect(await codeOf(() => call(unwrap, conditions))).toBe('ABORTED')
    expect(signals).toEqual([])
    expect(conditions.clock.pending).toBe(0)
  })

  test.each(['deadline', 'abort'])(
    'wipes an answer that comes after the %s, and forgets a late failure',
    async (end) => {
      const caller = new AbortController()
      const conditions = watched(caller.signal)
      const [late, failing] = [pending(), pending()]
      const codes = [late, failing].map(({ unwrap }) => codeOf(() => call(unwrap, conditions)))
      await settled()
      if (end === 'abort') caller.abort()
      else conditions.clock.advance(10_000)
      const code = end === 'abort' ? 'ABORTED' : 'TIMEOUT'
      expect(await Promise.all(codes)).toEqual([code, code])
      const bytes = canary()
      const dataKey = SecretBytes.from(bytes)
      late.resolve(dataKey)
      failing.reject(new Error('late')) // an unhandled rejection would fail the run
      await settled()
      expect(dataKey.released).toBe(true)
      expect(bytes).toEqual(new Uint8Array(32))
    },
  )

  test('forgets even a late answer that is none', async () => {
    for (const answer of [undefined, null, {}, 'text']) {
      const conditions = watched()
      const { unwrap, resolve } = pending()
      const code = codeOf(() => call(unwrap, conditions))
      await settled()
      conditions.clock.advance(10_000)
      expect(await code).toBe('TIMEOUT')
      resolve(answer as never) // what plain JavaScript may hand out
      await settled() // an unhandled rejection would fail the run
    }
  })
})

describe("a provider's failure", () => {
  const callThatFails = (error: unknown, conditions = watched()) =>
    refusal(() => call(() => Promise.reject(error), conditions))

  test('is its own KeyfoldError', async () => {
    const denied = new KeyfoldError('ACCESS_DENIED', 'no')
    expect(await callThatFails(denied)).toBe(denied)
  })

  test('of any other kind is UNKNOWN, not to be retried, and leaves its text to the cause', async () => {
    const cause = new TypeError('token abc')
    const error = await callThatFails(cause)
    expect([error.code, error.retryable, error.cause]).toEqual(['UNKNOWN', false, cause])
    expect(error.message).toBe('slow: unwrapDataKey failed with a TypeError')
    for (const thrown of ['text', undefined, null, 7, { code: 'THROTTLED' }]) {
      expect((await callThatFails(thrown)).code).toBe('UNKNOWN')
    }
  })

  test('thrown before there is a promise is a failure like any other', async () => {
    const conditions = watched()
    const error = await refusal(() =>
      call(() => {
        throw new RangeError('at once')
      }, conditions),
    )
    expect([error.code, error.message]).toEqual(['UNKNOWN', 'slow: unwrapDataKey failed with a RangeError'])
    expect(canaryIn(error)).toEqual([])
    expect(conditions.clock.pending).toBe(0)
  })

  test('is one event with its code, its operation and how long it took', async () => {
    const conditions = watched()
    const refused = refusal(() => call(unanswered, conditions))
    await settled()
    conditions.clock.advance(10_000)
    await refused
    const failed = { type: 'provider-failed', provider: 'slow', providerId: 'slow' }
    expect(conditions.events).toEqual([{ ...failed, operation: 'unwrapDataKey', code: 'TIMEOUT', durationMs: 10_000 }])
  })

  test('stays itself under a failing observer', async () => {
    const observe = (): never => {
      throw new Error('observer')
    }
    expect((await callThatFails('x', { ...watched(), observe })).code).toBe('UNKNOWN')
  })
})
