import { describe, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { fakeClock } from '../testing/index.ts'
import { createEnvelope } from './envelope.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const never = () => new Promise<void>(() => undefined)
const sealedBy = async () => (await setUp(0x0478).envelope.encrypt(pattern(9))) satisfies Uint8Array

describe('an abort', () => {
  test('before the call ends it before any key is asked', async () => {
    const spy = spyProvider()
    const observe = vi.fn()
    const envelope = createEnvelope({ keys: spy.provider, observe })
    const signal = AbortSignal.abort(new Error('gone'))
    const error = await refusal(() => envelope.encrypt(pattern(9), { signal }))
    expect([error.code, error.retryable, (error.cause as Error).message]).toEqual(['ABORTED', false, 'gone'])
    expect(await codeOf(async () => envelope.decrypt(await sealedBy(), { signal }))).toBe('ABORTED')
    expect(spy.calls).toEqual([])
    expect(observe).not.toHaveBeenCalled() // no key failed
  })

  test.each(['generateDataKey', 'wrapDataKey', 'unwrapDataKey'])(
    'during %s ends it, whether the key heeds it or not',
    async (during) => {
      const controller = new AbortController()
      const clock = fakeClock()
      const hanging = spyProvider({
        name: 'hanging',
        before(operation) {
          if (operation !== during) return undefined
          queueMicrotask(() => controller.abort())
          return never()
        },
      })
      const keys = during === 'wrapDataKey' ? anyOf(spyProvider().provider, hanging.provider) : hanging.provider
      const envelope = createEnvelope({ keys, clock })
      const { signal } = controller
      const sealed = await sealedBy()
      const run = () =>
        during === 'unwrapDataKey' ? envelope.decrypt(sealed, { signal }) : envelope.encrypt(pattern(9), { signal })
      expect(await codeOf(run)).toBe('ABORTED')
      expect(hanging.signals.map((given) => given.aborted)).toEqual([true])
      expect(clock.pending).toBe(0)
    },
  )

  test('leaves later entries untried', async () => {
    const controller = new AbortController()
    const first = spyProvider({ name: 'first', before: () => controller.abort() })
    const second = spyProvider({ name: 'second' })
    const envelope = createEnvelope({ keys: anyOf(first.provider, second.provider) })
    const sealed = await sealedBy()
    const error = await refusal(() => envelope.decrypt(sealed, { signal: controller.signal }))
    expect([error.code, error.attempts]).toEqual(['ABORTED', []])
    expect(second.calls).toEqual([])
  })

  test('that never comes leaves no listener behind', async () => {
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    const { envelope } = setUp(0x0478)
    await envelope.decrypt(await envelope.encrypt(pattern(9), { signal }), { signal })
    expect(removed.mock.calls.length).toBe(added.mock.calls.length)
  })
})

describe('the deadline of a call', () => {
  test.each([undefined, 250])('is %s ms, for each call to a key', async (callTimeoutMs) => {
    const clock = fakeClock()
    const spy = spyProvider({ before: never })
    const envelope = createEnvelope({ keys: spy.provider, clock, callTimeoutMs })
    const ms = callTimeoutMs ?? 10_000
    const failed = refusal(() => envelope.encrypt(pattern(9)))
    await vi.waitFor(() => expect(spy.calls.length).toBe(1))
    clock.advance(ms - 1)
    expect(spy.signals[0]?.aborted).toBe(false)
    clock.advance(1)
    const error = await failed
    expect([error.code, error.retryable, error.message]).toEqual([
      'TIMEOUT',
      true,
      `spy: no answer within ${ms} ms (callTimeoutMs)`,
    ])
    expect(spy.signals[0]?.aborted).toBe(true)
  })

  test('starts anew for every entry, and holds no timer after the answer', async () => {
    const clock = fakeClock()
    const slow = spyProvider({ name: 'slow', before: never })
    const good = spyProvider({ name: 'good', before: () => clock.advance(200) })
    const envelope = createEnvelope({ keys: anyOf(slow.provider, good.provider), clock, callTimeoutMs: 250 })
    const opening = envelope.decrypt(await sealedBy())
    await vi.waitFor(() => expect(slow.calls.length).toBe(1))
    clock.advance(250)
    expect((await opening).openedBy.name).toBe('good')
    expect(clock.pending).toBe(0)
  })

  test('wipes a data key that comes after it', async () => {
    const clock = fakeClock()
    let answer = (): void => undefined
    const spy = spyProvider({
      before: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const envelope = createEnvelope({ keys: spy.provider, clock })
    for (const run of [() => envelope.encrypt(pattern(9)), async () => envelope.decrypt(await sealedBy())]) {
      const before = spy.calls.length
      const failed = codeOf(run)
      await vi.waitFor(() => expect(spy.calls.length).toBe(before + 1))
      clock.advance(10_000)
      expect(await failed).toBe('TIMEOUT')
      answer()
      await vi.waitFor(() => expect(spy.secrets.map((secret) => secret.released)).toEqual(Array(before + 1).fill(true)))
    }
    expect(spy.secrets.length).toBe(2)
  })
})

describe('events', () => {
  const failing = spyProvider({
    name: 'failing',
    before() {
      throw new KeyfoldError('ACCESS_DENIED', 'no')
    },
  })
  const record = () => {
    const events: KeyfoldEvent[] = []
    return { events, observe: (event: KeyfoldEvent) => void events.push(event) }
  }
  const who = { provider: 'spy', providerId: 'spy' }

  test('tell of a message sealed and opened, in order', async () => {
    const { events, observe } = record()
    const clock = fakeClock()
    const second = spyProvider({ name: 'second', before: () => clock.advance(7) })
    const first = spyProvider({ before: () => clock.advance(5) })
    const envelope = createEnvelope({ keys: anyOf(first.provider, second.provider), observe, clock })
    const sealed = await envelope.encrypt(pattern(9), { sign: true, context: { tenant: 't-42' } })
    const lengths = { plaintextBytes: 9, messageBytes: sealed.length }
    const message = { suite: 0x0578, signed: true, ...lengths }
    expect(events.splice(0)).toEqual([
      { type: 'data-key-generated', ...who, durationMs: 5 },
      { type: 'data-key-wrapped', ...who, provider: 'second', durationMs: 7 },
      { type: 'message-sealed', ...message, durationMs: 12 },
    ])
    await envelope.decrypt(sealed)
    expect(events).toEqual([
      { type: 'data-key-unwrapped', ...who, durationMs: 5 },
      { type: 'message-opened', ...message, ...who, durationMs: 5 },
    ])
  })

  test('tell of a key that failed, before the one that opened, and of nothing opened where all failed', async () => {
    const { events, observe } = record()
    const clock = fakeClock()
    const sealed = await sealedBy()
    await createEnvelope({ keys: anyOf(failing.provider, spyProvider().provider), observe, clock }).decrypt(sealed)
    const failure = { type: 'provider-failed', ...who, provider: 'failing', code: 'ACCESS_DENIED', durationMs: 0 }
    expect(events.splice(0)).toEqual([
      { ...failure, operation: 'unwrapDataKey' },
      { type: 'data-key-unwrapped', ...who, durationMs: 0 },
      expect.objectContaining({ type: 'message-opened', provider: 'spy' }),
    ])
    const alone = createEnvelope({ keys: failing.provider, observe, clock })
    expect(await codeOf(() => alone.decrypt(sealed))).toBe('ACCESS_DENIED')
    expect(await codeOf(() => alone.encrypt(pattern(9)))).toBe('ACCESS_DENIED')
    expect(events).toEqual([
      { ...failure, operation: 'unwrapDataKey' },
      { ...failure, operation: 'generateDataKey' },
    ])
  })

  test('change nothing, even where the observer throws', async () => {
    const calls: string[] = []
    const { provider } = spyProvider()
    const observe = (event: KeyfoldEvent): never => {
      calls.push(event.type)
      throw new Error('observer')
    }
    const envelope = createEnvelope({ keys: provider, observe })
    expect((await envelope.decrypt(await envelope.encrypt(pattern(9)))).plaintext).toEqual(pattern(9))
    expect(calls).toEqual(['data-key-generated', 'message-sealed', 'data-key-unwrapped', 'message-opened'])
  })

  test('are not made, and no time is read for them, where nobody listens', async () => {
    const clock = fakeClock()
    const reads = [vi.spyOn(clock, 'monotonic'), vi.spyOn(clock, 'now')]
    const envelope = createEnvelope({ keys: anyOf(failing.provider, spyProvider().provider), clock })
    await envelope.decrypt(await sealedBy())
    for (const read of reads) expect(read).not.toHaveBeenCalled()
  })
})

describe('order', () => {
  // spec: client-apis/encrypt.md#construct-the-header/1
  // spec: client-apis/encrypt.md#behavior/5
  test('a message key makes one header, and that before any frame; and none where the key failed', async () => {
    const order: string[] = []
    const real = engine.messageKey.bind(engine)
    const traced = <T>(step: string, result: T): T => {
      order.push(step)
      return result
    }
    const spied = vi.spyOn(engine, 'messageKey').mockImplementation(async (...args) => {
      const key = await real(...args)
      order.push('messageKey')
      return {
        commitment: key.commitment,
        headerTag: (aad) => traced('headerTag', key.headerTag(aad)),
        verifyHeader: (aad, iv, tag) => traced('verifyHeader', key.verifyHeader(aad, iv, tag)),
        sealFrames: (run) => traced('sealFrames', key.sealFrames(run)),
        openFrames: (run) => traced('openFrames', key.openFrames(run)),
        [Symbol.dispose]: () => traced('dispose', key[Symbol.dispose]()),
      }
    })
    try {
      const { envelope } = setUp(0x0478)
      const sealed = await envelope.encrypt(pattern(9), { frameLength: 2 })
      expect(order.splice(0)).toEqual(['messageKey', 'headerTag', 'sealFrames', 'dispose'])
      await envelope.decrypt(sealed)
      expect(order.splice(0)).toEqual(['messageKey', 'verifyHeader', 'openFrames', 'dispose'])
      const altered = Buffer.from(sealed)
      altered.writeUInt8((altered[10] ?? 0) ^ 1, 10) // in the message id, so that the commitment is another
      expect(await codeOf(() => envelope.decrypt(altered))).toBe('AUTHENTICATION_FAILED')
      expect(order.splice(0)).toEqual(['messageKey', 'dispose'])
      const failing = spyProvider({
        before() {
          throw new KeyfoldError('ACCESS_DENIED', 'no')
        },
      })
      expect(await codeOf(() => createEnvelope({ keys: failing.provider }).encrypt(pattern(9)))).toBe('ACCESS_DENIED')
      expect(order).toEqual([])
    } finally {
      spied.mockRestore()
    }
  })
})

describe('close', () => {
  test('ends the envelope, and not its keys', async () => {
    const spy = spyProvider()
    const close = vi.fn(async () => undefined)
    const provider = { ...spy.provider, close }
    const envelope = createEnvelope({ keys: provider })
    const sealed = await envelope.encrypt(pattern(9))
    await envelope.close()
    await envelope.close()
    expect(await codeOf(() => envelope.encrypt(pattern(9)))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => envelope.decrypt(sealed))).toBe('INVALID_ARGUMENT')
    expect(close).not.toHaveBeenCalled()
    expect((await createEnvelope({ keys: provider }).decrypt(sealed)).plaintext).toEqual(pattern(9))
  })

  test('is what await using does', async () => {
    const envelope = createEnvelope({ keys: spyProvider().provider })
    await envelope[Symbol.asyncDispose]()
    expect(await codeOf(() => envelope.encrypt(pattern(9)))).toBe('INVALID_ARGUMENT')
  })
})

test('an abort is told as one, whatever the key says to it', async () => {
  const caller = new AbortController()
  const { provider } = spyProvider({})
  const failing: KeyProvider = {
    ...provider,
    async unwrapDataKey() {
      caller.abort()
      throw new KeyfoldError('KEY_DISABLED', 'the key is disabled')
    },
  }
  const { bytes } = writeMessage({ suite: 0x0478, dataKey: pattern(32), frameLength: 9, parts: [pattern(9)] })
  const opening = createEnvelope({ keys: failing }).decrypt(bytes, { signal: caller.signal })
  expect(await codeOf(() => opening)).toBe('ABORTED')
})
