/*
 * Opening while a provider does not answer: when the next is asked, who wins, and what becomes of the rest. Providers
 * answer when the test says so, and a hand moves the clock.
 */
import { describe, expect, test, vi } from 'vitest'
import { type ErrorCode, KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { anyOf } from './any-of.ts'
import { bound, canary, entryOf, providerOf, type Watched, watched } from './doubles.test-support.ts'
import { inProcess } from './in-process.ts'
import type { KeyProvider } from './key-provider.ts'
import { openDataKey } from './open-data-key.ts'

/** A provider that answers when told to. */
function held(name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<SecretBytes>()
  const signals: AbortSignal[] = []
  const secrets: SecretBytes[] = []
  const give = (bytes: Uint8Array): void => {
    const secret = SecretBytes.from(bytes)
    secrets.push(secret)
    resolve(secret)
  }
  const provider = providerOf(name, {
    unwrapDataKey(_, { signal }) {
      signals.push(signal)
      return promise
    },
  })
  return {
    provider,
    asked: () => signals.length,
    aborted: () => signals.map((signal) => signal.aborted),
    wiped: () => secrets.map(({ released }) => released),
    open: () => give(canary()),
    lie: () => give(pattern(32, 7)),
    fail: (code: ErrorCode) => reject(new KeyfoldError(code, `it was ${code}`)),
  }
}

interface Opening {
  readonly hedgeAfterMs?: number
  readonly mayHedge?: boolean
  readonly requireAuthenticatedWriter?: boolean
  readonly verify?: (dataKey: SecretBytes) => Promise<Disposable> | Disposable
  readonly conditions?: Watched
}

/** What the canary opens to; any other key is a wrong one. */
function verifyCanary(dataKey: SecretBytes): Disposable {
  if (Buffer.from(dataKey.bytes).equals(canary())) return { [Symbol.dispose]: () => undefined }
  throw new KeyfoldError('AUTHENTICATION_FAILED', 'the header does not verify')
}

async function open(providers: readonly KeyProvider[], opening: Opening = {}): Promise<string> {
  const { hedgeAfterMs, conditions = watched(), mayHedge = true, requireAuthenticatedWriter = false } = opening
  const entries = providers.map(({ providerId }) => entryOf(providerId, canary()))
  const request = { entries, length: 32, requireAuthenticatedWriter, mayHedge, verify: verifyCanary, ...bound }
  const keyring = anyOf(providers, { hedgeAfterMs })
  const opened = await openDataKey(
    keyring,
    { ...request, ...(opening.verify && { verify: opening.verify }) },
    conditions,
  )
  return opened.provider.name
}

/** Until everything that was promised so far has happened. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

const listeners = ({ mock }: { readonly mock: { readonly calls: readonly (readonly unknown[])[] } }) =>
  new Set(mock.calls.map(([, listener]) => listener))

const failuresIn = ({ events }: Watched) =>
  events.flatMap((event) => (event.type === 'provider-failed' ? [[event.provider, event.code]] : []))

describe('a provider that does not answer', () => {
  test.each([
    [undefined, 300],
    [50, 50],
    [0, 0],
  ])('has the next asked after %s ms, and no sooner', async (hedgeAfterMs, delayMs) => {
    const conditions = watched()
    const [a, b] = [held('a'), held('b')]
    const startedAt = conditions.clock.monotonic()
    const opened = open([a.provider, b.provider], { conditions, ...(hedgeAfterMs !== undefined && { hedgeAfterMs }) })
    await turn()
    if (delayMs > 0) conditions.clock.advance(delayMs - 1)
    expect([a.asked(), b.asked()]).toEqual([1, 0])
    conditions.clock.advance(delayMs > 0 ? 1 : 0)
    expect([a.asked(), b.asked()]).toEqual([1, 1])
    conditions.clock.advance(20) // what b takes
    b.open()
    expect(await opened).toBe('b')
    expect(conditions.clock.monotonic() - startedAt).toBe(delayMs + 20)
    expect(conditions.clock.pending).toBe(0)
    const overtaken = { type: 'provider-overtaken', provider: 'a', providerId: 'a', operation: 'unwrapDataKey' }
    expect(conditions.events).toEqual([
      { type: 'data-key-unwrapped', provider: 'b', providerId: 'b', durationMs: 20 },
      { ...overtaken, durationMs: delayMs + 20 },
    ])
  })

  test('has one more asked after each delay, until none is left', async () => {
    const conditions = watched()
    const [a, b, c] = [held('a'), held('b'), held('c')]
    const opened = open([a.provider, b.provider, c.provider], { conditions })
    for (const asked of [
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
      [1, 1, 1],
    ]) {
      await turn()
      expect([a.asked(), b.asked(), c.asked()]).toEqual(asked)
      conditions.clock.advance(300)
    }
    c.open()
    expect(await opened).toBe('c')
  })

  test('may still win, and ends those that were asked after it', async () => {
    const conditions = watched()
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { conditions })
    await turn()
    conditions.clock.advance(300)
    a.open()
    expect(await opened).toBe('a')
    expect([a.aborted(), b.aborted()]).toEqual([[false], [true]])
  })

  test('has nobody else asked where it answers in time', async () => {
    const conditions = watched()
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { conditions })
    await turn()
    conditions.clock.advance(299)
    a.open()
    expect(await opened).toBe('a')
    expect([b.asked(), conditions.clock.pending]).toEqual([0, 0])
    conditions.clock.advance(10_000)
    expect(b.asked()).toBe(0)
  })

  test('ends with its own deadline, and the others go on', async () => {
    const conditions = watched(undefined, 500)
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { conditions })
    await turn()
    conditions.clock.advance(300)
    conditions.clock.advance(200)
    await turn()
    expect(failuresIn(conditions)).toEqual([['a', 'TIMEOUT']])
    b.open()
    expect(await opened).toBe('b')
  })

  test.each([
    ['Infinity', { hedgeAfterMs: Number.POSITIVE_INFINITY }],
    ['a suite that does not commit to its key', { mayHedge: false, hedgeAfterMs: 0 }],
  ])('is waited for under %s', async (_, opening) => {
    const conditions = watched(undefined, 500)
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { ...opening, conditions })
    await turn()
    expect(conditions.clock.pending).toBe(1) // the deadline
    conditions.clock.advance(499)
    await turn()
    expect(b.asked()).toBe(0)
    conditions.clock.advance(1)
    await turn()
    expect(b.asked()).toBe(1)
    b.open()
    expect(await opened).toBe('b')
  })
})

describe('a failure', () => {
  test('of any that was asked has the next asked at once, which is given the whole delay', async () => {
    const conditions = watched()
    const [a, b, c, d] = [held('a'), held('b'), held('c'), held('d')]
    const opened = open([a.provider, b.provider, c.provider, d.provider], { conditions })
    await turn()
    conditions.clock.advance(300)
    conditions.clock.advance(200)
    a.fail('ACCESS_DENIED')
    await turn()
    expect([b.asked(), c.asked(), d.asked()]).toEqual([1, 1, 0])
    conditions.clock.advance(299)
    expect(d.asked()).toBe(0)
    conditions.clock.advance(1)
    expect(d.asked()).toBe(1)
    d.open()
    expect(await opened).toBe('d')
  })

  test('of all is one error, whose rows are in the order of the providers', async () => {
    const conditions = watched()
    const [a, b, c] = [held('a'), held('b'), held('c')]
    const error = refusal(() => open([a.provider, b.provider, c.provider], { conditions }))
    await turn()
    conditions.clock.advance(300)
    b.fail('THROTTLED')
    await turn()
    c.lie()
    await turn()
    a.fail('KEY_NOT_FOUND')
    const { code, attempts, message } = await error
    expect([code, attempts.length]).toEqual(['NO_USABLE_KEY', 3])
    expect(message.split('\n').map((row) => row.trim().split(/ {2,}/))).toEqual([
      ["none of 3 tries opened the message's data key:"],
      ['a', 'a', 'KEY_NOT_FOUND', 'it was KEY_NOT_FOUND'],
      ['b', 'b', 'THROTTLED', 'it was THROTTLED'],
      ['c', 'c', 'AUTHENTICATION_FAILED', 'the header does not verify'],
    ])
    expect(conditions.clock.pending).toBe(0)
  })
})

describe('the winner', () => {
  test('is not who answers first with a wrong data key', async () => {
    const conditions = watched()
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { conditions })
    await turn()
    conditions.clock.advance(300)
    b.lie()
    await turn()
    expect(a.aborted()).toEqual([false])
    a.open()
    expect(await opened).toBe('a')
    expect([a.wiped(), b.wiped()]).toEqual([[true], [true]])
  })

  test('has the others aborted, told as overtaken and not as failed, and their late data keys wiped', async () => {
    const conditions = watched()
    const [a, b, c] = [held('a'), held('b'), held('c')]
    const opened = open([a.provider, b.provider, c.provider], { conditions })
    await turn()
    conditions.clock.advance(300)
    conditions.clock.advance(300)
    b.open()
    expect(await opened).toBe('b')
    expect([a.aborted(), b.aborted(), c.aborted()]).toEqual([[true], [false], [true]])
    a.open()
    c.fail('UNAVAILABLE')
    await turn()
    expect([a.wiped(), b.wiped()]).toEqual([[true], [true]])
    const told = conditions.events.map((event) => `${event.type} ${'provider' in event ? event.provider : ''}`)
    expect(told).toEqual(['data-key-unwrapped b', 'provider-overtaken a', 'provider-overtaken c'])
    expect(conditions.clock.pending).toBe(0)
  })

  test.each([0, 1, 2, 3, 4, 5])('has each other told once, whatever it does %i ticks later', async (ticks) => {
    const conditions = watched()
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { conditions })
    await turn()
    conditions.clock.advance(300)
    b.open()
    for (let tick = 0; tick < ticks; tick++) await undefined
    a.fail('UNAVAILABLE')
    expect(await opened).toBe('b')
    await turn()
    const told = conditions.events.map((event) => 'provider' in event && event.provider)
    expect(told.toSorted()).toEqual(['a', 'b'])
  })

  test('is one alone where two verify in the same turn, and nothing is left of the other', async () => {
    const conditions = watched()
    const [a, b] = [held('a'), held('b')]
    const disposed: string[] = []
    const names = new Map<SecretBytes, string>()
    const verify = async (dataKey: SecretBytes): Promise<Disposable> => {
      const name = names.size === 0 ? 'first' : 'second'
      names.set(dataKey, name)
      await turn()
      return { [Symbol.dispose]: () => void disposed.push(name) }
    }
    const opened = open([a.provider, b.provider], { conditions, verify })
    await turn()
    conditions.clock.advance(300)
    b.open()
    a.open()
    expect(await opened).toBe('b')
    await turn()
    expect(disposed).toEqual(['second'])
    expect(conditions.events.map(({ type }) => type)).toEqual(['data-key-unwrapped', 'provider-overtaken'])
    expect([a.wiped(), b.wiped()]).toEqual([[true], [true]])
  })

  test('is never one under whose key anybody can write, where the writer must be authentic', async () => {
    const conditions = watched()
    const [a, b, c] = [held('a'), held('b'), held('c')]
    const anybody = { ...b.provider, authenticatesWriter: false }
    const opening = { conditions, requireAuthenticatedWriter: true }
    const opened = open([a.provider, anybody, c.provider], opening)
    await turn()
    conditions.clock.advance(300)
    expect([b.asked(), c.asked()]).toEqual([0, 1])
    c.open()
    expect(await opened).toBe('c')
    expect(await codeOf(() => open([anybody, anybody], opening))).toBe('POLICY_VIOLATION')
  })
})

describe("the caller's abort", () => {
  test('ends all that were asked, and nobody else is', async () => {
    const caller = new AbortController()
    const conditions = watched(caller.signal)
    const [a, b, c] = [held('a'), held('b'), held('c')]
    const error = refusal(() => open([a.provider, b.provider, c.provider], { conditions }))
    await turn()
    conditions.clock.advance(300)
    caller.abort(new Error('gone'))
    const { code, attempts, cause } = await error
    expect([code, attempts, (cause as Error).message]).toEqual(['ABORTED', [], 'gone'])
    expect([a.aborted(), b.aborted(), c.asked()]).toEqual([[true], [true], 0])
    conditions.clock.advance(10_000)
    await turn()
    expect([c.asked(), conditions.clock.pending]).toEqual([0, 0])
  })

  test.each(['open', 'abort'])('that comes or not leaves no listener behind: %s', async (end) => {
    const caller = new AbortController()
    const { signal } = caller
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    const conditions = watched(signal)
    const [a, b] = [held('a'), held('b')]
    const opened = open([a.provider, b.provider], { conditions }).catch(() => undefined)
    await turn()
    conditions.clock.advance(300)
    if (end === 'open') b.open()
    else caller.abort()
    await opened
    expect(added.mock.calls.length).toBeGreaterThan(0)
    expect(listeners(removed)).toEqual(listeners(added))
  })

  test('while an answer is being verified lets nobody else be asked', async () => {
    const caller = new AbortController()
    const conditions = watched(caller.signal)
    const [a, b] = [held('a'), held('b')]
    const verifying = Promise.withResolvers<Disposable>()
    const code = codeOf(() => open([a.provider, b.provider], { conditions, verify: () => verifying.promise }))
    await turn()
    a.open()
    await turn()
    caller.abort()
    conditions.clock.advance(300)
    expect(await code).toBe('ABORTED')
    verifying.reject(new KeyfoldError('AUTHENTICATION_FAILED', 'late'))
    await turn()
    expect([b.asked(), a.wiped(), failuresIn(conditions)]).toEqual([0, [true], []])
  })
})

describe('keys of this process', () => {
  const own = (name: string, bytes: Uint8Array) =>
    inProcess(providerOf(name, { unwrapDataKey: async () => SecretBytes.from(bytes.slice()) }))

  test('need no timer, alone or together', async () => {
    const scheduled: number[] = []
    const { clock, ...rest } = watched()
    const schedule = (delayMs: number, callback: () => void) => {
      scheduled.push(delayMs)
      return clock.schedule(delayMs, callback)
    }
    const conditions = { ...rest, clock: { ...clock, schedule } }
    expect(await open([own('a', canary())], { conditions })).toBe('a')
    expect(await open([own('a', pattern(32)), own('b', canary())], { conditions })).toBe('b')
    expect(await open([own('a', canary()), held('b').provider], { conditions })).toBe('a')
    expect(scheduled).toEqual([])
  })

  test('stand in for one that does not answer', async () => {
    const conditions = watched()
    const a = held('a')
    const opened = open([a.provider, own('b', pattern(32)), own('c', canary())], { conditions })
    await turn()
    conditions.clock.advance(300)
    expect(await opened).toBe('c')
    expect([a.aborted(), conditions.clock.pending]).toEqual([[true], 0])
  })
})
