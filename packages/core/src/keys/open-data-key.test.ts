import { describe, expect, test } from 'vitest'
import { type ErrorCode, KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
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
import { openDataKey } from './open-data-key.ts'

interface Opening {
  readonly entries?: readonly EncryptedDataKey[]
  readonly requireAuthenticatedWriter?: boolean
  readonly conditions?: ReturnType<typeof watched>
}

const entriesOf = (...names: string[]) => names.map((name) => entryOf(name, canary()))

/** Opens, the canary being the one right key. */
async function open(providers: readonly KeyProvider[], opening: Opening = {}) {
  const { entries = entriesOf('a', 'b', 'c'), requireAuthenticatedWriter = false, conditions = watched() } = opening
  const opened: Disposable = { [Symbol.dispose]: () => undefined }
  const verify = async (dataKey: SecretBytes): Promise<Disposable> => {
    if (Buffer.from(dataKey.bytes).equals(canary())) return opened
    throw new KeyfoldError('AUTHENTICATION_FAILED', 'the header does not verify')
  }
  const request = { entries, length: 32, requireAuthenticatedWriter, mayHedge: true, verify, ...bound }
  const { value, provider } = await openDataKey(anyOf(providers), request, conditions)
  expect(value).toBe(opened)
  return provider.name
}

/** Providers that keep what was asked of them, and what they handed out. */
function journal() {
  const calls: string[] = []
  const requests: unknown[] = []
  const secrets: SecretBytes[] = []
  const answers = (name: string, answer: (entry: EncryptedDataKey) => Promise<Uint8Array>, more: Methods = {}) =>
    providerOf(name, {
      async unwrapDataKey(request) {
        calls.push(name)
        requests.push(request)
        const dataKey = SecretBytes.from(await answer(request.entry))
        secrets.push(dataKey)
        return dataKey
      },
      ...more,
    })
  const opens = (name: string, more?: Methods) => answers(name, async () => canary(), more)
  const fails = (name: string, code: ErrorCode, more?: Methods) =>
    answers(name, () => Promise.reject(new KeyfoldError(code, `it was ${code}`)), more)
  const lies = (name: string, more?: Methods) => answers(name, async () => pattern(32, 7), more)
  return { calls, requests, secrets, opens, fails, lies }
}

const acceptsAll: Methods = { accepts: () => true }

describe('opening a data key', () => {
  // spec: framework/keyring-interface.md#ondecrypt/2
  // spec: framework/keyring-interface.md#ondecrypt/4
  // spec: framework/keyring-interface.md#decrypt-data-key/2
  // spec: framework/keyring-interface.md#decrypt-data-key/3
  // spec: framework/keyring-interface.md#decrypt-data-key/4
  // spec: framework/multi-keyring.md#ondecrypt/2
  // spec: framework/multi-keyring.md#ondecrypt/5
  test("goes by the providers' order, whatever the entries', and ends with the first that opens", async () => {
    const { calls, requests, secrets, opens } = journal()
    expect(await open([opens('c'), opens('a')])).toBe('c')
    expect(calls).toEqual(['c'])
    expect(requests).toEqual([{ entry: entryOf('c', canary()), length: 32, ...bound }])
    expect(secrets.map(({ released }) => released)).toEqual([true])
  })

  // spec: framework/multi-keyring.md#ondecrypt/3
  // spec: framework/multi-keyring.md#ondecrypt/4
  // spec: framework/multi-keyring.md#ondecrypt/6
  test('goes on where one fails, with the same request', async () => {
    const { calls, requests, opens, fails } = journal()
    expect(await open([fails('a', 'ACCESS_DENIED'), fails('b', 'UNAVAILABLE'), opens('c')])).toBe('c')
    expect(calls).toEqual(['a', 'b', 'c'])
    expect(requests).toEqual(entriesOf('a', 'b', 'c').map((entry) => ({ entry, length: 32, ...bound })))
  })

  test('offers an entry to whom accepts it, and to nobody else, whatever its provider id', async () => {
    const { calls, opens } = journal()
    const entries = entriesOf('x', 'a', 'y')
    const picky = opens('a', { accepts: ({ providerId }) => providerId === 'y' })
    expect(await open([picky], { entries })).toBe('a')
    expect(calls).toEqual(['a'])
    expect(await codeOf(() => open([opens('a', { accepts: () => false })], { entries }))).toBe('NO_USABLE_KEY')
    expect(calls).toEqual(['a'])
  })

  test('tries every entry that one provider accepts, in the order of the message', async () => {
    const { requests, opens, fails } = journal()
    expect(await open([fails('a', 'KEY_NOT_FOUND', acceptsAll), opens('b', acceptsAll)])).toBe('b')
    const entries = entriesOf('a', 'b', 'c')
    expect(requests).toMatchObject([...entries, ...entries.slice(0, 1)].map((entry) => ({ entry })))
  })

  // spec: framework/cmm-interface.md#decrypt-materials/16
  test('does not end with a wrong data key, which is wiped, before a later right one', async () => {
    const { secrets, opens, lies } = journal()
    expect(await open([lies('a'), lies('b'), opens('c')])).toBe('c')
    expect(secrets.map(({ released }) => released)).toEqual([true, true, true])
    const error = await refusal(() => open([lies('a')]))
    expect([error.code, error.message]).toEqual(['AUTHENTICATION_FAILED', 'the header does not verify'])
  })

  test('passes by a provider that only seals', async () => {
    const { opens } = journal()
    expect(await open([providerOf('a', { ...wraps('a'), ...acceptsAll }), opens('b')])).toBe('b')
    expect(await codeOf(() => open([providerOf('a', { ...wraps('a'), ...acceptsAll })]))).toBe('NO_USABLE_KEY')
  })

  test('names whoever would open an entry but can only seal, and nobody else', async () => {
    const seals = (name: string, more: Methods = {}) => providerOf(name, { ...wraps(name), ...more })
    const { message } = await refusal(() => open([seals('elsewhere'), seals('a'), seals('d'), seals('e', acceptsAll)]))
    expect(message).toMatch(/; a, e would, but can only seal$/)
    expect((await refusal(() => open([seals('d')]))).message).not.toContain('can only seal')
  })

  test('tells of each failure and of the one that opened, once its key verified', async () => {
    const conditions = watched()
    const { lies, fails } = journal()
    const slow = providerOf('c', {
      unwrapDataKey({ entry }, options) {
        conditions.clock.advance(5)
        return unwraps().unwrapDataKey({ entry, length: 32, ...bound }, options)
      },
    })
    await open([fails('a', 'THROTTLED'), lies('b'), slow], { conditions })
    const failed = { type: 'provider-failed', provider: 'a', providerId: 'a', operation: 'unwrapDataKey' }
    expect(conditions.events).toEqual([
      { ...failed, code: 'THROTTLED', durationMs: 0 },
      { ...failed, provider: 'b', providerId: 'b', code: 'AUTHENTICATION_FAILED', durationMs: 0 },
      { type: 'data-key-unwrapped', provider: 'c', providerId: 'c', durationMs: 5 },
    ])
  })

  test('ends when the caller aborts, and asks nobody else', async () => {
    const caller = new AbortController()
    const { calls, opens } = journal()
    const aborts = providerOf('a', {
      unwrapDataKey() {
        caller.abort()
        return new Promise(() => undefined)
      },
    })
    const conditions = watched(caller.signal)
    const error = await refusal(() => open([aborts, opens('b')], { conditions }))
    expect([error.code, error.attempts]).toEqual(['ABORTED', []])
    expect(conditions.events.map(({ type }) => type)).toEqual(['provider-failed'])
    expect(calls).toEqual([])
  })

  test('goes on to the next provider when a deadline is over', async () => {
    const { opens } = journal()
    const conditions = watched(undefined, 500)
    const never = providerOf('a', { unwrapDataKey: () => new Promise(() => undefined) })
    const opened = open([never, opens('b')], { conditions })
    await new Promise((resolve) => setImmediate(resolve))
    conditions.clock.advance(500)
    expect(await opened).toBe('b')
  })
})

describe('a data key that cannot be opened', () => {
  test("is the one try's own error", async () => {
    const { fails } = journal()
    const error = await refusal(() => open([fails('a', 'KEY_DISABLED')]))
    expect([error.code, error.message, error.attempts]).toEqual(['KEY_DISABLED', 'it was KEY_DISABLED', []])
  })

  // spec: framework/keyring-interface.md#decrypt-data-key/5
  // spec: framework/multi-keyring.md#ondecrypt/7
  test('is NO_USABLE_KEY with a table of the tries where they differ, or the code that they share', async () => {
    const { fails, lies } = journal()
    const mixed = await refusal(() => open([fails('a', 'KEY_NOT_FOUND'), lies('b'), fails('c', 'THROTTLED')]))
    expect([mixed.code, mixed.retryable]).toEqual(['NO_USABLE_KEY', true])
    expect(mixed.attempts).toMatchObject([
      { provider: 'a', providerId: 'a', code: 'KEY_NOT_FOUND', message: 'it was KEY_NOT_FOUND' },
      { provider: 'b', providerId: 'b', code: 'AUTHENTICATION_FAILED', message: 'the header does not verify' },
      { provider: 'c', providerId: 'c', code: 'THROTTLED', message: 'it was THROTTLED' },
    ])
    const rows = mixed.message.split('\n').slice(1)
    expect(rows.map((row) => row.trim().split(/ {2,}/))).toEqual(
      mixed.attempts.map(({ provider, providerId, code, message }) => [provider, providerId, code, message]),
    )
    const shared = await refusal(() => open([fails('a', 'ACCESS_DENIED'), fails('b', 'ACCESS_DENIED')]))
    expect([shared.code, shared.retryable, shared.attempts.length]).toEqual(['ACCESS_DENIED', false, 2])
  })

  test('shows no byte of any key in its error', async () => {
    const right = await refusal(() =>
      open([providerOf('a', unwraps()), providerOf('b', unwraps())], {
        entries: [
          entryOf('a', Uint8Array.from(canary()).reverse()),
          entryOf('b', canary(16)),
          entryOf('b', canary(31)),
        ],
      }),
    )
    expect(right.attempts.map(({ code }) => code)).toEqual(Array(3).fill('AUTHENTICATION_FAILED'))
    expect(canaryIn(right)).toEqual([])
    const throws = providerOf('a', {
      unwrapDataKey: () => {
        throw new Error('without a byte')
      },
    })
    expect(canaryIn(await refusal(() => open([throws])))).toEqual([])
  })

  // spec: framework/keyring-interface.md#ondecrypt/5
  test('is NO_USABLE_KEY without tries where no provider accepts an entry, naming the provider ids', async () => {
    const { calls, opens } = journal()
    const entries = [...entriesOf('x', 'y'), entryOf('x', pattern(32))]
    const error = await refusal(() => open([opens('a')], { entries }))
    expect([error.code, error.attempts, error.retryable]).toEqual(['NO_USABLE_KEY', [], false])
    expect(error.message).toMatch(/of providers "x", "y"$/)
    expect(calls).toEqual([])
  })

  test.each([
    ['aws-kms-rsa', 'KMS RSA'],
    ['aws-kms-ecdh', 'KMS ECDH'],
    ['aws-kms-hierarchy', 'hierarchical'],
    ['raw-ecdh', 'raw ECDH'],
  ])('names %s as a type of key that is not supported', async (providerId, what) => {
    const { opens } = journal()
    const error = await refusal(() => open([opens('a')], { entries: entriesOf('aws-kms', providerId) }))
    expect(error.message).toContain(`"${providerId}"`)
    expect(error.message).toContain(what)
    expect(error.message.match(/not supported/g)).toHaveLength(1)
    // The other entry's key may still be had.
    expect(error.code).toBe('NO_USABLE_KEY')
    const alone = await refusal(() => open([opens('a')], { entries: entriesOf(providerId, 'raw-ecdh') }))
    expect([alone.code, alone.attempts, alone.retryable]).toEqual(['UNSUPPORTED', [], false])
  })

  test('names a provider id without letting it write lines of its own', async () => {
    const { opens } = journal()
    const error = await refusal(() => open([opens('a')], { entries: entriesOf('x\n\u001b[31mred') }))
    for (const control of ['\n', '\u001b']) expect(error.message).not.toContain(control)
  })
})

describe('an authenticated writer', () => {
  const anybody: Methods = { authenticatesWriter: false }

  test('is not asked for by default', async () => {
    const { opens } = journal()
    expect(await open([opens('a', anybody)])).toBe('a')
  })

  test('is POLICY_VIOLATION where every entry could be anybody’s, before any call', async () => {
    const { calls, opens } = journal()
    const providers = [opens('a', anybody), opens('b', anybody)]
    expect(await codeOf(() => open(providers, { requireAuthenticatedWriter: true }))).toBe('POLICY_VIOLATION')
    expect(calls).toEqual([])
  })

  test('opens where there is one, and the others are not asked', async () => {
    const { calls, opens, fails } = journal()
    expect(await open([opens('a', anybody), opens('b')], { requireAuthenticatedWriter: true })).toBe('b')
    expect(calls).toEqual(['b'])
    const denied = [opens('a', anybody), fails('b', 'ACCESS_DENIED')]
    expect(await codeOf(() => open(denied, { requireAuthenticatedWriter: true }))).toBe('ACCESS_DENIED')
    expect(await codeOf(() => open([opens('z', anybody)], { requireAuthenticatedWriter: true }))).toBe('NO_USABLE_KEY')
  })
})
