import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { anyOf } from './any-of.ts'
import {
  bound,
  canary,
  canaryIn,
  entryOf,
  type Methods,
  providerOf,
  unwraps,
  watched,
  wraps,
} from './doubles.test-support.ts'
import type { KeyProvider } from './key-provider.ts'
import { countRecipients } from './keyring.ts'
import { sealDataKey } from './seal-data-key.ts'

const seal = (providers: readonly KeyProvider[], conditions = watched()) =>
  sealDataKey(anyOf(providers), { length: 32, ...bound }, conditions)

/** What was asked of whom, in order, and the secrets that went either way. */
function journal() {
  const calls: string[] = []
  const requests: unknown[] = []
  const secrets = new Set<SecretBytes>()
  const generates = (name: string): Methods => ({
    async generateDataKey(request) {
      calls.push(`${name} generates`)
      requests.push(request)
      const dataKey = SecretBytes.from(canary())
      secrets.add(dataKey)
      return { dataKey, entry: entryOf(name, canary()) }
    },
  })
  const wrapsToo = (name: string, then: () => Promise<unknown> = async () => undefined): Methods => ({
    async wrapDataKey({ dataKey, ...rest }) {
      calls.push(`${name} wraps`)
      requests.push(rest)
      secrets.add(dataKey)
      await then()
      return entryOf(name, dataKey.bytes)
    },
  })
  return { calls, requests, secrets, generates, wrapsToo }
}

const fails = (code: 'ACCESS_DENIED' | 'THROTTLED' | 'UNAVAILABLE') => () =>
  Promise.reject(new KeyfoldError(code, `it was ${code}`))

describe('sealing a data key', () => {
  // spec: framework/keyring-interface.md#onencrypt/3
  // spec: framework/keyring-interface.md#generate-data-key/2
  // spec: framework/keyring-interface.md#encrypt-data-key/1
  // spec: framework/keyring-interface.md#encrypt-data-key/3
  // spec: framework/keyring-interface.md#encrypt-data-key/4
  // spec: framework/multi-keyring.md#onencrypt/1
  // spec: framework/multi-keyring.md#onencrypt/3
  // spec: framework/multi-keyring.md#onencrypt/7
  // spec: framework/multi-keyring.md#onencrypt/9
  // spec: framework/structures.md#encrypted-data-keys/1
  test('has the first provider generate it, and every other one wrap that, in order', async () => {
    const { calls, requests, secrets, generates, wrapsToo } = journal()
    const providers = ['a', 'b', 'c'].map((name) => providerOf(name, { ...generates(name), ...wrapsToo(name) }))
    const { dataKey, entries } = await seal(providers)
    expect(calls).toEqual(['a generates', 'b wraps', 'c wraps'])
    expect(requests).toEqual([{ length: 32, ...bound }, bound, bound])
    expect([...secrets]).toEqual([dataKey])
    expect(dataKey.bytes).toEqual(canary())
    expect(entries).toEqual(['a', 'b', 'c'].map((name) => entryOf(name, canary())))
  })

  test('draws the data key for a first provider that only wraps', async () => {
    const { calls, wrapsToo, generates } = journal()
    const providers = [providerOf('a', wrapsToo('a')), providerOf('b', { ...generates('b'), ...wrapsToo('b') })]
    const { dataKey, entries } = await seal(providers)
    expect(calls).toEqual(['a wraps', 'b wraps'])
    expect(entries).toEqual([entryOf('a', dataKey.bytes), entryOf('b', dataKey.bytes)])
    expect(dataKey.released).toBe(false)
  })

  // spec: framework/multi-keyring.md#generator-keyring/1
  test('lets the first that can seal generate, and tells of each that cannot wrap', async () => {
    const { calls, wrapsToo, generates } = journal()
    const conditions = watched()
    const providers = [
      providerOf('opens', unwraps()),
      providerOf('a', wrapsToo('a')),
      providerOf('generates', generates('generates')),
      providerOf('b', wrapsToo('b')),
    ]
    const { entries } = await seal(providers, conditions)
    expect(calls).toEqual(['a wraps', 'b wraps'])
    expect(entries.map(({ providerId }) => providerId)).toEqual(['a', 'b'])
    const missing = ['opens', 'generates'].map((provider) => {
      return { type: 'recipient-missing', provider, providerId: provider, code: 'UNSUPPORTED' }
    })
    expect(conditions.events.filter(({ type }) => type === 'recipient-missing')).toEqual(missing)
    expect(conditions.events.map(({ type }) => type).slice(0, 2)).toEqual(['data-key-generated', 'data-key-wrapped'])
  })

  // spec: framework/keyring-interface.md#onencrypt/4
  // spec: framework/multi-keyring.md#onencrypt/6
  // spec: framework/cmm-interface.md#get-encryption-materials/13
  test('is refused where all providers only open', async () => {
    expect(await codeOf(() => seal([providerOf('a', unwraps())]))).toBe('UNSUPPORTED')
    expect(await codeOf(() => seal([providerOf('a', unwraps()), providerOf('b', {})]))).toBe('UNSUPPORTED')
  })

  // spec: framework/multi-keyring.md#onencrypt/4
  test('fails with the one that generates, before any other is asked', async () => {
    const { calls, wrapsToo } = journal()
    const first = providerOf('a', { generateDataKey: fails('THROTTLED') })
    const error = await refusal(() => seal([first, providerOf('b', wrapsToo('b'))]))
    expect([error.code, error.message, error.attempts]).toEqual(['THROTTLED', 'it was THROTTLED', []])
    expect(calls).toEqual([])
  })

  // spec: framework/multi-keyring.md#onencrypt/8
  test("fails with one that cannot wrap, with that one's code, the data key wiped", async () => {
    const { secrets, calls, wrapsToo } = journal()
    const providers = [
      providerOf('a', wrapsToo('a')),
      providerOf('b', wrapsToo('b', fails('ACCESS_DENIED'))),
      providerOf('c', wrapsToo('c')),
    ]
    const conditions = watched()
    const error = await refusal(() => seal(providers, conditions))
    expect([error.code, error.attempts]).toEqual(['ACCESS_DENIED', []])
    expect(calls).toEqual(['a wraps', 'b wraps', 'c wraps'])
    expect([...secrets].map(({ released }) => released)).toEqual([true])
    const failed = { type: 'provider-failed', provider: 'b', providerId: 'b', operation: 'wrapDataKey' }
    expect(conditions.events).toContainEqual({ ...failed, code: 'ACCESS_DENIED', durationMs: 0 })
  })

  test('lists every one that failed, under the code that they share or NO_USABLE_KEY', async () => {
    const { secrets, generates, wrapsToo } = journal()
    const sealing = (second: Parameters<typeof fails>[0]) =>
      seal([
        providerOf('a', generates('a')),
        providerOf('b', wrapsToo('b', fails('THROTTLED'))),
        providerOf('c', wrapsToo('c')),
        providerOf('d', wrapsToo('d', fails(second))),
      ])
    const shared = await refusal(() => sealing('THROTTLED'))
    expect([shared.code, shared.retryable]).toEqual(['THROTTLED', true])
    const mixed = await refusal(() => sealing('ACCESS_DENIED'))
    expect([mixed.code, mixed.retryable]).toEqual(['NO_USABLE_KEY', true])
    expect(mixed.attempts).toMatchObject([
      { provider: 'b', providerId: 'b', code: 'THROTTLED', message: 'it was THROTTLED' },
      { provider: 'd', providerId: 'd', code: 'ACCESS_DENIED', message: 'it was ACCESS_DENIED' },
    ])
    for (const text of ['b', 'THROTTLED', 'it was THROTTLED', 'd', 'ACCESS_DENIED'])
      expect(mixed.message).toContain(text)
    for (const error of [shared, mixed]) expect(canaryIn(error)).toEqual([])
    expect(canaryIn(Object.assign(new Error('the canary sings'), { key: canary() }))).not.toEqual([])
    expect([...secrets].map(({ released }) => released)).toEqual([true, true])
  })

  test('lets nobody who hangs hold up a failure, and aborts them', async () => {
    const { secrets, generates } = journal()
    const conditions = watched()
    const signals: AbortSignal[] = []
    const hangs = providerOf('hangs', {
      wrapDataKey(_, { signal }) {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    })
    const failing = providerOf('b', { wrapDataKey: fails('ACCESS_DENIED') })
    const error = await refusal(() => seal([providerOf('a', generates('a')), hangs, failing], conditions))
    expect([error.code, error.message, error.attempts]).toEqual(['ACCESS_DENIED', 'it was ACCESS_DENIED', []])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(conditions.clock.pending).toBe(0)
    expect([...secrets].map(({ released }) => released)).toEqual([true])
    const failed = conditions.events.filter(({ type }) => type === 'provider-failed')
    expect(failed).toMatchObject([{ provider: 'b', code: 'ACCESS_DENIED' }])
  })

  test('has one deadline for each call', async () => {
    const { secrets, generates } = journal()
    const conditions = watched(undefined, 500)
    const never = providerOf('b', { wrapDataKey: () => new Promise(() => undefined) })
    const code = codeOf(() => seal([providerOf('a', generates('a')), never], conditions))
    await new Promise((resolve) => setImmediate(resolve))
    expect(conditions.clock.pending).toBe(1)
    conditions.clock.advance(500)
    expect(await code).toBe('TIMEOUT')
    expect([...secrets].map(({ released }) => released)).toEqual([true])
  })
})

test('the recipients are those that can seal', () => {
  const providers = [
    providerOf('opens', unwraps()),
    providerOf('a', wraps('a')),
    providerOf('b', { ...wraps('b'), ...unwraps() }),
  ]
  expect(countRecipients(anyOf(providers))).toBe(2)
})
