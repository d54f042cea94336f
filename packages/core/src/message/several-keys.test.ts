/*
 * Messages of several keys: how many must seal one, and who opens it while a key does not answer.
 */
import { describe, expect, test, vi } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import type { AnyOfOptions } from '../keys/keyring.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { pattern } from '../pattern.test-support.ts'
import { refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { fakeClock } from '../testing/index.ts'
import { inspect } from '../wire/inspect.ts'
import { createEnvelope } from './envelope.ts'
import { allow, type Spy, type SpyOptions, setUp, spyProvider } from './fixtures.test-support.ts'

const never = () => new Promise<void>(() => undefined)
const spy = (name: string, more: SpyOptions = {}): Spy => spyProvider({ name, providerId: name, ...more })
const denied = (): never => {
  throw new KeyfoldError('ACCESS_DENIED', 'no')
}

function envelopeOf(spies: readonly Spy[], options?: AnyOfOptions) {
  const clock = fakeClock()
  const events: KeyfoldEvent[] = []
  const keys = anyOf(
    spies.map(({ provider }) => provider),
    options,
  )
  const observe = (event: KeyfoldEvent) => void events.push(event)
  return { clock, events, envelope: createEnvelope({ keys, clock, observe, commitmentPolicy: allow }) }
}

const sealedFor = (...names: string[]) => envelopeOf(names.map((name) => spy(name))).envelope.encrypt(pattern(9))
const asked = (one: Spy, times = 1) => vi.waitFor(() => expect(one.calls.length).toBe(times))
const recipients = (sealed: Uint8Array) => inspect(sealed).encryptedDataKeys.map(({ providerId }) => providerId)

describe('sealing', () => {
  test('is under every key, unless fewer are required', async () => {
    const keys = [spy('a'), spy('b', { before: denied }), spy('c')]
    const strict = envelopeOf(keys)
    expect((await refusal(() => strict.envelope.encrypt(pattern(9)))).code).toBe('ACCESS_DENIED')
    expect(strict.events.map(({ type }) => type)).not.toContain('recipient-missing')

    const lenient = envelopeOf(keys, { require: 2 })
    const sealed = await lenient.envelope.encrypt(pattern(9))
    expect(recipients(sealed)).toEqual(['a', 'c'])
    expect(lenient.events).toContainEqual({
      type: 'recipient-missing',
      provider: 'b',
      providerId: 'b',
      code: 'ACCESS_DENIED',
    })
    expect((await createEnvelope({ keys: spy('c').provider }).decrypt(sealed)).plaintext).toEqual(pattern(9))
  })

  test('goes on with the next key where the first cannot make a data key', async () => {
    const { envelope } = envelopeOf([spy('a', { before: denied }), spy('b'), spy('c')], { require: 1 })
    expect(recipients(await envelope.encrypt(pattern(9)))).toEqual(['b', 'c'])
  })

  test('leaves no data key behind, whether it comes off or not', async () => {
    for (const require of ['all', 1] as const) {
      const keys = [spy('a'), spy('b', { before: denied })]
      await envelopeOf(keys, { require })
        .envelope.encrypt(pattern(9))
        .catch(() => undefined)
      expect(keys[0]?.secrets.map(({ released }) => released)).toEqual([true])
    }
  })
})

describe('opening', () => {
  test('takes the delay and one call where the first key never answers', async () => {
    const sealed = await sealedFor('a', 'b')
    const a = spy('a', { before: never })
    const { clock, envelope, events } = envelopeOf([a, spy('b', { before: () => clock.advance(20) })])
    const startedAt = clock.monotonic()
    const opening = envelope.decrypt(sealed)
    await asked(a)
    clock.advance(300)
    const { plaintext, openedBy } = await opening
    expect([plaintext, openedBy.name]).toEqual([pattern(9), 'b'])
    expect([clock.monotonic() - startedAt, clock.pending]).toEqual([320, 0])
    expect(a.signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(events.map(({ type }) => type)).toEqual(['data-key-unwrapped', 'provider-overtaken', 'message-opened'])
  })

  test('is not by a key that unwraps to something wrong and answers first', async () => {
    const sealed = await sealedFor('a', 'b')
    let answer = (): void => undefined
    const a = spy('a', {
      before: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const unwrapDataKey = async () => SecretBytes.from(pattern(32, 9))
    const b = { ...spy('b'), provider: { ...spy('b').provider, unwrapDataKey } }
    const { clock, envelope, events } = envelopeOf([a, b])
    const opening = envelope.decrypt(sealed)
    await asked(a)
    clock.advance(300)
    await new Promise((resolve) => setImmediate(resolve))
    answer()
    expect((await opening).openedBy.name).toBe('a')
    expect(events.at(-1)).toMatchObject({ type: 'message-opened', provider: 'a' })
  })

  test.each([0x0178, 0x0014])('of the uncommitted suite %i is in order, whatever the time', async (suite) => {
    const { envelope: sealer } = setUp(suite)
    const sealed = await sealer.encrypt(pattern(9), { suite })
    const a = spyProvider({ name: 'a', before: never })
    const b = spyProvider({ name: 'b' })
    const { clock, envelope } = envelopeOf([a, b], { hedgeAfterMs: 0 })
    const opening = envelope.decrypt(sealed)
    await asked(a)
    clock.advance(9999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(b.calls).toEqual([])
    clock.advance(1) // the deadline of the call
    expect((await opening).openedBy.name).toBe('b')
  })

  test('prints every try where all fail', async () => {
    const sealed = await sealedFor('a', 'b')
    const throttled = (): never => {
      throw new KeyfoldError('THROTTLED', 'slower')
    }
    const { envelope } = envelopeOf([spy('a', { before: denied }), spy('b', { before: throttled })])
    const error = await refusal(() => envelope.decrypt(sealed))
    expect([error.code, error.retryable]).toEqual(['NO_USABLE_KEY', true])
    expect(error.message.split('\n').map((row) => row.trim().split(/ {2,}/))).toEqual([
      ["none of 2 tries opened the message's data key:"],
      ['a', 'a', 'ACCESS_DENIED', 'no'],
      ['b', 'b', 'THROTTLED', 'slower'],
    ])
  })
})

describe('members that anybody can write to', () => {
  const mixed = () => [spy('a', { authenticatesWriter: false }), spy('b')]

  test('open, and openedBy says so', async () => {
    const sealed = await sealedFor('a', 'b')
    const { openedBy } = await envelopeOf(mixed()).envelope.decrypt(sealed)
    expect(openedBy).toEqual({ name: 'a', providerId: 'a', authenticatesWriter: false })
  })

  test('are left out where the writer must be authentic', async () => {
    const [a, b] = mixed() as [Spy, Spy] // both of them
    const keys = anyOf(a.provider, b.provider)
    const strict = createEnvelope({ keys, requireAuthenticatedWriter: true })
    const { openedBy } = await strict.decrypt(await sealedFor('a', 'b'))
    expect(openedBy).toEqual({ name: 'b', providerId: 'b', authenticatesWriter: true })
    expect((await refusal(async () => strict.decrypt(await sealedFor('a')))).code).toBe('POLICY_VIOLATION')
    expect(a.calls).toEqual([])
  })
})

test('a key that only seals and one that only opens go together', async () => {
  const { unwrapDataKey: _, ...seals } = spy('a').provider
  const { generateDataKey: __, wrapDataKey: ___, ...opens } = spy('b').provider
  const envelope = createEnvelope({ keys: anyOf(opens, seals) })
  expect(recipients(await envelope.encrypt(pattern(9)))).toEqual(['a'])
  expect((await envelope.decrypt(await sealedFor('a', 'b'))).openedBy.name).toBe('b')
})
