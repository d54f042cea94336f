/*
 * How many of an any-of's keys must seal a message: what `require` says, and who is told of the rest.
 */
import { describe, expect, test, vi } from 'vitest'
import { type ErrorCode, KeyfoldError } from '../errors.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { anyOf } from './any-of.ts'
import {
  bound,
  canary,
  entryOf,
  type Methods,
  providerOf,
  unwraps,
  type Watched,
  watched,
} from './doubles.test-support.ts'
import type { KeyProvider } from './key-provider.ts'
import { sealDataKey } from './seal-data-key.ts'

const seal = (providers: readonly KeyProvider[], require?: 'all' | number, conditions = watched()) =>
  sealDataKey(anyOf(providers, { require }), { length: 32, ...bound }, conditions)

/** Providers that keep who was asked for what, and every data key that core was given or gave. */
function journal() {
  const calls: string[] = []
  const secrets = new Set<SecretBytes>()
  const generating = (name: string, failure?: ErrorCode): Methods => ({
    async generateDataKey() {
      calls.push(`${name} generates`)
      if (failure !== undefined) throw new KeyfoldError(failure, `it was ${failure}`)
      const dataKey = SecretBytes.from(canary())
      secrets.add(dataKey)
      return { dataKey, entry: entryOf(name, canary()) }
    },
  })
  const wrapping = (name: string, failure?: ErrorCode): Methods => ({
    async wrapDataKey({ dataKey }) {
      calls.push(`${name} wraps`)
      secrets.add(dataKey)
      if (failure !== undefined) throw new KeyfoldError(failure, `it was ${failure}`)
      return entryOf(name, dataKey.bytes)
    },
  })
  const service = (name: string, failure?: ErrorCode) =>
    providerOf(name, { ...generating(name, failure), ...wrapping(name, failure) })
  const generatesOnly = (name: string, failure?: ErrorCode) => providerOf(name, generating(name, failure))
  const wrapsOnly = (name: string, failure?: ErrorCode) => providerOf(name, wrapping(name, failure))
  const wiped = () => [...secrets].every(({ released }) => released)
  return { calls, secrets, service, generatesOnly, wrapsOnly, wiped }
}

const listeners = ({ mock }: { readonly mock: { readonly calls: readonly (readonly unknown[])[] } }) =>
  new Set(mock.calls.map(([, listener]) => listener))

const missing = ({ events }: Watched) =>
  events.flatMap((event) => (event.type === 'recipient-missing' ? [[event.provider, event.code]] : []))

describe('without require, or with all', () => {
  test.each([undefined, 'all'] as const)('(%s) every recipient seals, and the message is complete', async (require) => {
    const { service, wrapsOnly } = journal()
    const conditions = watched()
    const { entries, complete } = await seal([service('a'), service('b'), wrapsOnly('c')], require, conditions)
    expect(entries.map(({ providerId }) => providerId)).toEqual(['a', 'b', 'c'])
    expect([complete, missing(conditions)]).toEqual([true, []])
  })

  test.each([undefined, 'all'] as const)('(%s) one that fails to generate is the failure', async (require) => {
    const { calls, service, wrapsOnly, generatesOnly } = journal()
    const error = await refusal(() => seal([service('a', 'UNAVAILABLE'), service('b')], require))
    expect([error.code, error.attempts]).toEqual(['UNAVAILABLE', []])
    // The other could stand in and the count would be the same; it is another key all the same.
    const standIn = [wrapsOnly('a', 'ACCESS_DENIED'), generatesOnly('b')]
    expect(await codeOf(() => seal(standIn, require))).toBe('ACCESS_DENIED')
    expect(calls).toEqual(['a generates', 'a wraps'])
  })

  test('one that can never wrap does not make the message incomplete, and is told', async () => {
    const { service, generatesOnly } = journal()
    const conditions = watched()
    const keys = [providerOf('opens', unwraps()), service('a'), generatesOnly('b')]
    expect((await seal(keys, 'all', conditions)).complete).toBe(true)
    const told = [
      ['opens', 'UNSUPPORTED'],
      ['b', 'UNSUPPORTED'],
    ]
    expect(missing(conditions)).toEqual(told)
  })
})

describe('a number', () => {
  test('is enough: those that failed are told, and the message is not complete', async () => {
    const { service } = journal()
    const conditions = watched()
    const keys = [service('a'), service('b', 'THROTTLED'), service('c'), service('d', 'ACCESS_DENIED')]
    const { entries, complete, dataKey } = await seal(keys, 2, conditions)
    expect(entries).toEqual([entryOf('a', canary()), entryOf('c', canary())])
    expect([complete, dataKey.released]).toEqual([false, false])
    const told = [
      ['b', 'THROTTLED'],
      ['d', 'ACCESS_DENIED'],
    ]
    expect(missing(conditions)).toEqual(told)
  })

  test('does not make fewer try: all that can seal do', async () => {
    const { service } = journal()
    const conditions = watched()
    const { entries, complete } = await seal([service('a'), service('b'), service('c')], 1, conditions)
    expect([entries.length, complete, missing(conditions)]).toEqual([3, true, []])
  })

  test('is not enough with one less: all that failed are attempts, nobody is told missing, the key is wiped', async () => {
    const { service, wiped } = journal()
    const conditions = watched()
    const keys = [service('a'), service('b', 'THROTTLED'), service('c'), service('d', 'ACCESS_DENIED')]
    const error = await refusal(() => seal(keys, 3, conditions))
    expect([error.code, error.retryable]).toEqual(['NO_USABLE_KEY', true])
    expect(error.attempts).toMatchObject([
      { provider: 'b', code: 'THROTTLED' },
      { provider: 'd', code: 'ACCESS_DENIED' },
    ])
    expect(error.message.split('\n').map((row) => row.trim().split(/ {2,}/))).toEqual([
      ['2 recipients could not seal the data key, 3 of 4 required:'],
      ['b', 'b', 'THROTTLED', 'it was THROTTLED'],
      ['d', 'd', 'ACCESS_DENIED', 'it was ACCESS_DENIED'],
    ])
    expect([missing(conditions), wiped()]).toEqual([[], true])
  })

  test('passes over one that fails to generate, which is then not asked to wrap', async () => {
    const { calls, service } = journal()
    const conditions = watched()
    const keys = [service('a', 'UNAVAILABLE'), service('b', 'TIMEOUT'), service('c'), service('d')]
    const { entries, complete } = await seal(keys, 2, conditions)
    expect(calls).toEqual(['a generates', 'b generates', 'c generates', 'd wraps'])
    expect([entries.map(({ providerId }) => providerId), complete]).toEqual([['c', 'd'], false])
    const told = [
      ['a', 'UNAVAILABLE'],
      ['b', 'TIMEOUT'],
    ]
    expect(missing(conditions)).toEqual(told)
  })

  test('lets one that only generates stand in for one that failed', async () => {
    const { service, generatesOnly } = journal()
    const { entries } = await seal([service('a', 'UNAVAILABLE'), generatesOnly('b')], 1)
    expect(entries).toEqual([entryOf('b', canary())])
  })

  test('ends with the generator that leaves too few, before any other is asked', async () => {
    const { calls, service } = journal()
    const error = await refusal(() => seal([service('a', 'THROTTLED'), service('b'), service('c')], 3))
    expect([error.code, error.attempts]).toEqual(['THROTTLED', []])
    expect(calls).toEqual(['a generates'])
    const none = await refusal(() => seal([service('a', 'THROTTLED'), service('b', 'TIMEOUT')], 1))
    expect(none.attempts.map(({ code }) => code)).toEqual(['THROTTLED', 'TIMEOUT'])
  })

  test('counts a generator that was passed over with those that fail to wrap', async () => {
    const { service, wrapsOnly, wiped } = journal()
    const keys = [service('a', 'THROTTLED'), service('b'), wrapsOnly('c', 'TIMEOUT')]
    expect((await refusal(() => seal(keys, 2))).attempts.map(({ code }) => code)).toEqual(['THROTTLED', 'TIMEOUT'])
    expect(wiped()).toBe(true)
  })
})

describe('one that hangs', () => {
  const hanging = (name: string, signals: AbortSignal[] = []) =>
    providerOf(name, {
      wrapDataKey(_, { signal }) {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    })

  test('is waited for until its deadline where it may be missing', async () => {
    const { service } = journal()
    const conditions = watched(undefined, 500)
    const sealing = seal([service('a'), hanging('b'), service('c', 'ACCESS_DENIED')], 1, conditions)
    await new Promise((resolve) => setImmediate(resolve))
    conditions.clock.advance(500)
    const { entries, complete } = await sealing
    expect([entries.length, complete]).toEqual([1, false])
    const told = [
      ['b', 'TIMEOUT'],
      ['c', 'ACCESS_DENIED'],
    ]
    expect(missing(conditions)).toEqual(told)
  })

  test('is aborted once too many others have failed', async () => {
    const { service, wiped } = journal()
    const conditions = watched()
    const signals: AbortSignal[] = []
    const keys = [service('a'), hanging('b', signals), service('c', 'ACCESS_DENIED'), service('d', 'ACCESS_DENIED')]
    const error = await refusal(() => seal(keys, 3, conditions))
    expect(error.attempts.map(({ provider }) => provider)).toEqual(['c', 'd'])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect([conditions.clock.pending, wiped()]).toEqual([0, true])
  })

  test.each([
    ['wraps', 1],
    ['generates', 1],
    ['wraps', 'all'],
  ] as const)('ends with the caller who aborts while it %s, though %s is required', async (move, require) => {
    const { service, wiped } = journal()
    const caller = new AbortController()
    const conditions = watched(caller.signal)
    const keys = move === 'wraps' ? [service('a'), hanging('b')] : [hanging('b'), service('a')]
    const error = refusal(() => seal(keys, require, conditions))
    await new Promise((resolve) => setImmediate(resolve))
    caller.abort()
    const { code, attempts } = await error
    expect([code, attempts]).toEqual(['ABORTED', []])
    expect([conditions.clock.pending, missing(conditions), wiped()]).toEqual([0, [], true])
  })

  test('is not even asked where the caller aborts between two calls', async () => {
    const { service, wiped } = journal()
    const caller = new AbortController()
    const conditions = watched(caller.signal)
    const signals: AbortSignal[] = []
    const observe = () => caller.abort() // on data-key-generated
    const error = await refusal(() => seal([service('a'), hanging('b', signals)], 1, { ...conditions, observe }))
    expect([error.code, error.attempts, signals, wiped()]).toEqual(['ABORTED', [], [], true])
  })

  test.each([1, 'all'] as const)('leaves no listener behind under %s', async (require) => {
    const { service } = journal()
    const { signal } = new AbortController()
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    const conditions = watched(signal, 500)
    const sealing = seal([service('a'), hanging('b')], require, conditions).catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    conditions.clock.advance(500)
    await sealing
    expect(added.mock.calls.length).toBeGreaterThan(0)
    expect(listeners(removed)).toEqual(listeners(added))
  })
})
