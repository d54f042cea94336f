import { describe, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { keyProviderCases } from '../conformance/index.ts'
import { codeOfKind } from '../conformance/sound.test-support.ts'
import type { KeyProviderSubject } from '../conformance/subject.ts'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import { createEnvelope } from '../message/envelope.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { inspect } from '../wire/inspect.ts'
import { fakeClock } from './fake-clock.ts'
import { type MemoryKeys, type MemoryKeysOperation, type MemoryKeysOptions, memoryKeys } from './memory-keys.ts'

const all = ['generateDataKey', 'wrapDataKey', 'unwrapDataKey', 'describe'] as const

describe.each<[string, readonly MemoryKeysOperation[], MemoryKeysOptions]>([
  ['memory keys', all, {}],
  ['memory keys that bind no context', all, { bindsContext: false }],
  ['memory keys under which anybody writes', all, { authenticatesWriter: false }],
  ['memory keys that only seal', ['generateDataKey', 'wrapDataKey'], {}],
  ['memory keys that only generate', ['generateDataKey'], {}],
  ['memory keys that only wrap', ['wrapDataKey', 'describe'], {}],
  ['memory keys that only open', ['unwrapDataKey'], {}],
])('%s are a sound provider', (_, operations, options) => {
  const keys = memoryKeys(options)
  const failing = Object.entries(codeOfKind).map(([kind, code]) => {
    const refusing = memoryKeys(options)
    refusing.fail(code)
    return [kind, () => refusing.only(...operations)]
  })
  const subject: KeyProviderSubject = {
    provider: () => keys.only(...operations),
    counterpart: () => keys,
    other: () => memoryKeys(),
    failures: Object.fromEntries(failing),
  }
  for (const { name, skip, run } of keyProviderCases(subject)) {
    if (skip === undefined) test(name, run)
  }
})

const entryIn = (message: Uint8Array): EncryptedDataKey =>
  inspect(message).encryptedDataKeys[0] ?? {
    providerId: '',
    providerInfo: new Uint8Array(),
    ciphertext: new Uint8Array(),
  }

describe('memory keys', () => {
  test('seal and open, and record each call with its context and time', async () => {
    const clock = fakeClock({ wall: 5000 })
    const keys = memoryKeys({ clock })
    const envelope = createEnvelope({ keys, clock })
    const sealed = await envelope.encrypt(pattern(9), { context: { tenant: 't-42' } })
    clock.advance(70)
    expect((await envelope.decrypt(sealed)).plaintext).toEqual(pattern(9))
    const context = { tenant: 't-42' }
    expect(keys.calls).toMatchObject([
      { operation: 'generateDataKey', context, calledAt: 5000 },
      { operation: 'unwrapDataKey', context, calledAt: 5070 },
    ])
  })

  test('accept no entries of others, named or not', async () => {
    const keys = memoryKeys()
    const entry = entryIn(await createEnvelope({ keys }).encrypt(pattern(1)))
    expect(keys.accepts(entry)).toBe(true)
    expect(memoryKeys().accepts(entry)).toBe(false)
    expect(memoryKeys({ name: keys.name, providerId: 'elsewhere' }).accepts(entry)).toBe(false)
  })

  test('of one name are different keys all the same', async () => {
    const sealed = await createEnvelope({ keys: memoryKeys({ name: 'orders' }) }).encrypt(pattern(1))
    const other = createEnvelope({ keys: memoryKeys({ name: 'orders' }) })
    expect(await codeOf(() => other.decrypt(sealed))).toBe('AUTHENTICATION_FAILED')
  })

  test('stand for a service of any provider id', async () => {
    const envelope = createEnvelope({ keys: memoryKeys({ name: 'orders', providerId: 'aws-kms' }) })
    const sealed = await envelope.encrypt(pattern(1))
    expect(inspect(sealed).encryptedDataKeys[0]?.providerId).toBe('aws-kms')
    expect((await envelope.decrypt(sealed)).openedBy).toEqual({
      name: 'orders',
      providerId: 'aws-kms',
      authenticatesWriter: true,
    })
  })

  test('seal under a new version once rotated, and open what older ones sealed', async () => {
    const keys = memoryKeys()
    const envelope = createEnvelope({ keys })
    const versionOf = async () => (await keys.describe?.({ signal: new AbortController().signal }))?.version
    const older = await envelope.encrypt(pattern(1))
    expect(await versionOf()).toBe('1')
    keys.rotate()
    const newer = await envelope.encrypt(pattern(2))
    expect(await versionOf()).toBe('2')
    expect(Buffer.from(entryIn(newer).providerInfo)).not.toEqual(Buffer.from(entryIn(older).providerInfo))
    expect((await envelope.decrypt(older)).plaintext).toEqual(pattern(1))
    expect((await envelope.decrypt(newer)).plaintext).toEqual(pattern(2))
  })

  test('refuse every call once closed', async () => {
    const keys = memoryKeys()
    const envelope = createEnvelope({ keys })
    expect(keys.closed).toBe(false)
    await keys.close?.()
    expect(keys.closed).toBe(true)
    expect(await codeOf(() => envelope.encrypt(pattern(1)))).toBe('INVALID_ARGUMENT')
  })

  test('give a reader and a writer of the same key, under one record and one script', async () => {
    const keys = memoryKeys()
    const [writer, reader] = [keys.only('wrapDataKey'), keys.only('unwrapDataKey')]
    const sealed = await createEnvelope({ keys: writer }).encrypt(pattern(9))
    const readers = createEnvelope({ keys: reader })
    expect((await readers.decrypt(sealed)).plaintext).toEqual(pattern(9))
    expect(await codeOf(() => readers.encrypt(pattern(9)))).toBe('UNSUPPORTED')
    expect(await codeOf(() => createEnvelope({ keys: writer }).decrypt(sealed))).toBe('NO_USABLE_KEY')
    keys.fail('ACCESS_DENIED')
    expect(await codeOf(() => readers.decrypt(sealed))).toBe('ACCESS_DENIED')
    expect(keys.calls.map(({ operation }) => operation)).toEqual(['wrapDataKey', 'unwrapDataKey', 'unwrapDataKey'])
    expect(await codeOf(() => keys.only('encrypt' as never))).toBe('INVALID_ARGUMENT') // as plain JavaScript may
  })

  test('refuse options that they do not know, or cannot use', async () => {
    const { now, monotonic, schedule } = systemClock
    const clocks = [{}, 5, null, { now, monotonic }, { now, schedule }, { monotonic, schedule }]
    const kinds = [
      { bindsContext: 'x' },
      { bindsContext: null },
      { authenticatesWriter: 'no' },
      { authenticatesWriter: 0 },
    ]
    const names = [{ nam: 'x' }, { name: '' }, { providerId: 5 }]
    for (const options of [...names, ...kinds, ...clocks.map((clock) => ({ clock }))]) {
      expect(await codeOf(() => memoryKeys(options as never)), JSON.stringify(options)).toBe('INVALID_ARGUMENT') // as plain JavaScript may
    }
  })
})

describe('memory keys that fail', () => {
  /** The codes of so many calls, one after another; `ok` where one came off. */
  const outcomes = async (keys: MemoryKeys, count: number): Promise<string[]> => {
    const envelope = createEnvelope({ keys })
    const codes: string[] = []
    for (let call = 0; call < count; call++) {
      codes.push(
        await envelope.encrypt(pattern(1)).then(
          () => 'ok',
          (error: KeyfoldError) => error.code,
        ),
      )
    }
    return codes
  }

  test('fail until they recover', async () => {
    const keys = memoryKeys()
    keys.fail('ACCESS_DENIED')
    expect(await outcomes(keys, 3)).toEqual(['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED'])
    keys.recover()
    expect(await outcomes(keys, 1)).toEqual(['ok'])
    expect(keys.calls).toHaveLength(4)
  })

  test('fail so many times and in turn, and then as they always do', async () => {
    const keys = memoryKeys()
    keys.fail('UNAVAILABLE')
    keys.fail('THROTTLED', { times: 2 })
    keys.fail('TIMEOUT', { times: 1 })
    keys.fail('KEY_DISABLED')
    expect(await outcomes(keys, 5)).toEqual(['THROTTLED', 'THROTTLED', 'TIMEOUT', 'KEY_DISABLED', 'KEY_DISABLED'])
  })

  test('fail in one operation, and count its calls alone', async () => {
    const keys = memoryKeys()
    const envelope = createEnvelope({ keys })
    keys.fail('ACCESS_DENIED', { operation: 'unwrapDataKey', times: 1 })
    const sealed = await envelope.encrypt(pattern(1))
    expect(await codeOf(() => envelope.decrypt(sealed))).toBe('ACCESS_DENIED')
    expect((await envelope.decrypt(sealed)).plaintext).toEqual(pattern(1))
  })

  test('fail with the error that they are given, or one of its own for each call', async () => {
    const keys = memoryKeys()
    const given = new KeyfoldError('THROTTLED', 'too many', { retryAfterMs: 200 })
    keys.fail(given, { times: 1 })
    keys.fail('UNAVAILABLE')
    const { encrypt } = createEnvelope({ keys })
    expect(await refusal(() => encrypt(pattern(1)))).toBe(given)
    const [first, second] = [await refusal(() => encrypt(pattern(1))), await refusal(() => encrypt(pattern(1)))]
    expect([first.code, first.retryable, first === second]).toEqual(['UNAVAILABLE', true, false])
  })

  test('refuse terms that could not be met', async () => {
    const keys = memoryKeys()
    for (const terms of [{ times: 0 }, { times: 1.5 }, { operation: 'encrypt' }, { time: 1 }, null]) {
      expect(await codeOf(() => keys.fail('THROTTLED', terms as never)), JSON.stringify(terms)).toBe('INVALID_ARGUMENT')
    }
    expect(await codeOf(() => keys.fail('DENIED' as never))).toBe('INVALID_ARGUMENT')
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(await codeOf(() => keys.delay(ms)), String(ms)).toBe('INVALID_ARGUMENT')
    }
    expect(await outcomes(keys, 1)).toEqual(['ok'])
  })
})

describe('memory keys that wait', () => {
  /** Keys and an envelope on one clock, and a call under way of which it is known when it ended. */
  const setUp = (prepare: (keys: MemoryKeys) => void, signal?: AbortSignal) => {
    const clock = fakeClock()
    const keys = memoryKeys({ clock })
    prepare(keys)
    const ended = createEnvelope({ keys, clock, callTimeoutMs: 1000 })
      .encrypt(pattern(1), { signal })
      .then(
        () => 'ok',
        (error: KeyfoldError) => error.code,
      )
      .then((outcome) => `${outcome} after ${clock.monotonic()} ms`)
    return { clock, keys, ended }
  }

  test('answer when the time is over, and not before', async () => {
    const { clock, ended } = setUp((keys) => keys.delay(50))
    await clock.advanceAsync(500)
    expect(await ended).toBe('ok after 50 ms')
    expect(clock.pending).toBe(0)
  })

  test('fail when the time is over', async () => {
    const { clock, ended } = setUp((keys) => {
      keys.fail('UNAVAILABLE')
      keys.delay(50, { operation: 'generateDataKey', times: 1 })
    })
    await clock.advanceAsync(500)
    expect(await ended).toBe('UNAVAILABLE after 50 ms')
  })

  test('hang until the deadline, and show that the call was given up', async () => {
    const { clock, keys, ended } = setUp((those) => those.hang())
    await clock.advanceAsync(999)
    expect(keys.calls.map(({ signal }) => signal.aborted)).toEqual([false])
    await clock.advanceAsync(1)
    expect(await ended).toBe('TIMEOUT after 1000 ms')
    expect([keys.calls[0]?.signal.aborted, clock.pending]).toEqual([true, 0])
  })

  test('heed an abort at once, themselves', async () => {
    const keys = memoryKeys()
    keys.hang()
    const caller = new AbortController()
    const answer = codeOf(() =>
      keys.generateDataKey?.({ length: 32, context: {}, contextBytes: new Uint8Array() }, caller),
    )
    caller.abort()
    expect(await answer).toBe('ABORTED')
  })

  test.each<[string, (keys: MemoryKeys) => void]>([
    ['hangs', (keys) => keys.hang()],
    ['waits', (keys) => keys.delay(900)],
  ])('answer what %s when they recover', async (_, prepare) => {
    const { clock, keys, ended } = setUp(prepare)
    await clock.advanceAsync(300)
    keys.recover()
    expect(await ended).toBe('ok after 300 ms')
    expect(clock.pending).toBe(0)
  })
})

test('the second key opens while the first one hangs', async () => {
  const clock = fakeClock()
  const [main, spare] = [memoryKeys({ name: 'main', clock }), memoryKeys({ name: 'spare', clock })]
  const envelope = createEnvelope({ keys: anyOf(main, spare), clock })
  const sealed = await envelope.encrypt(pattern(9))
  main.hang({ operation: 'unwrapDataKey' })
  const opening = envelope.decrypt(sealed)
  await clock.advanceAsync(300)
  expect((await opening).openedBy.name).toBe('spare')
})
