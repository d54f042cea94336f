import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import type { EncryptOptions } from './call-options.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { setUp, spyProvider } from './fixtures.test-support.ts'
import { moves } from './reencrypt.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const { envelope: from, spy: fromSpy, dataKey } = setUp(0x0478)
const toSpy = spyProvider({ name: 'new', providerId: 'new' })
const to = createEnvelope({ keys: toSpy.provider })
const sealed = await from.encrypt(pattern(50), { frameLength: 16, context: { tenant: 't-42' } })

/** The code, where neither side's keys were called before the refusal. */
async function codeWithoutCall(run: () => unknown): Promise<string> {
  fromSpy.calls.length = 0
  toSpy.calls.length = 0
  const code = await codeOf(run)
  expect([...fromSpy.calls, ...toSpy.calls]).toEqual([])
  return code
}

describe.each(moves)('%s refuses, before any key call,', (_, move) => {
  test('a target that is no open envelope of Keyfold’s own', async () => {
    const closed = createEnvelope({ keys: toSpy.provider })
    await closed.close()
    const wrong: unknown[] = [undefined, null, 5, 'to', {}, toSpy.provider, { ...to }, Object.create(to), closed]
    for (const target of wrong) {
      expect(await codeWithoutCall(() => move(from, sealed, target as Envelope))).toBe('INVALID_ARGUMENT')
    }
  })

  test('a source envelope that is closed', async () => {
    const closed = createEnvelope({ keys: fromSpy.provider })
    await closed.close()
    expect(await codeWithoutCall(() => move(closed, sealed, to))).toBe('INVALID_ARGUMENT')
  })

  test('options that are null, unknown or of another kind', async () => {
    const wrong: unknown[] = [null, 5, { sael: {} }, { context: 5 }, { signal: {} }, { withheld: ['tenant'] }]
    for (const options of wrong) {
      expect(await codeWithoutCall(() => move(from, sealed, to, options as object))).toBe('INVALID_ARGUMENT')
    }
  })

  const seals: readonly (readonly [string, unknown, string])[] = [
    ['null', null, 'INVALID_ARGUMENT'],
    ['text', 'sign', 'INVALID_ARGUMENT'],
    ['an unknown name', { sing: true }, 'INVALID_ARGUMENT'],
    ['a length, which only encryptStream has', { length: 50 }, 'INVALID_ARGUMENT'],
    ['sign that is neither true nor false', { sign: 1 }, 'INVALID_ARGUMENT'],
    ['an unknown suite', { suite: 5 }, 'INVALID_ARGUMENT'],
    ['a suite that contradicts sign', { suite: 0x0478, sign: true }, 'INVALID_ARGUMENT'],
    ['a suite that the policy does not write', { suite: 0x0178 }, 'POLICY_VIOLATION'],
    ['a frame length of zero', { frameLength: 0 }, 'INVALID_ARGUMENT'],
    ['a frame length over the limit', { frameLength: 2 ** 24 + 1 }, 'LIMIT_EXCEEDED'],
    ['a signal that is none', { signal: {} }, 'INVALID_ARGUMENT'],
    ['a signal that is aborted', { signal: AbortSignal.abort() }, 'ABORTED'],
    ['a context that is null', { context: null }, 'INVALID_ARGUMENT'],
    ['a context of what is not text', { context: { tenant: 5 } }, 'INVALID_ARGUMENT'],
    ['a context with the format’s own prefix', { context: { 'aws-crypto-x': 'y' } }, 'INVALID_ARGUMENT'],
    ['a context too long for the format', { context: { x: 'y'.repeat(70_000) } }, 'LIMIT_EXCEEDED'],
    ['withheld names that its context lacks', { context: { a: 'b' }, withheld: ['tenant'] }, 'INVALID_ARGUMENT'],
    ['withheld that is no list', { withheld: 'tenant' }, 'INVALID_ARGUMENT'],
    ['withheld that is no list of names', { withheld: [5] }, 'INVALID_ARGUMENT'],
  ]

  test.each(seals)('a seal with %s', async (_name, seal, code) => {
    const options = { seal: seal as EncryptOptions } // what plain JavaScript may pass
    expect(await codeWithoutCall(() => move(from, sealed, to, options))).toBe(code)
  })

  test('a context that lacks what the target requires, where seal names one', async () => {
    const strict = createEnvelope({ keys: toSpy.provider, requireContext: ['tenant'] })
    const options = { seal: { context: { user: 'u' } } }
    expect(await codeWithoutCall(() => move(from, sealed, strict, options))).toBe('INVALID_ARGUMENT')
    expect((await strict.decrypt(await move(from, sealed, strict), { context: { tenant: 't-42' } })).signed).toBe(false)
  })

  test('more recipients than the target’s limit', async () => {
    const keys = anyOf(toSpy.provider, spyProvider({ name: 'second' }).provider)
    const small = createEnvelope({ keys, limits: { maxEncryptedDataKeys: 1 } })
    expect(await codeWithoutCall(() => move(from, sealed, small))).toBe('LIMIT_EXCEEDED')
  })

  test('what is no message, or another context’s', async () => {
    expect(await codeWithoutCall(() => move(from, sealed.subarray(0, 60), to))).toBe('MALFORMED_MESSAGE')
    const other = { context: { tenant: 't-43' } }
    expect(await codeWithoutCall(() => move(from, sealed, to, other))).toBe('CONTEXT_MISMATCH')
  })
})

describe.each(moves)('%s fails', (_, move) => {
  const down = new KeyfoldError('THROTTLED', 'slow down')
  const failing = (providerId: string) => spyProvider({ providerId, before: () => Promise.reject(down) })

  test('as the source’s key does, and does not call the target’s', async () => {
    toSpy.calls.length = 0
    const source = createEnvelope({ keys: failing('spy').provider })
    expect(await codeOf(() => move(source, sealed, to))).toBe('THROTTLED')
    expect(toSpy.calls).toEqual([])
  })

  test('as the target’s key does, and releases the source’s data key', async () => {
    fromSpy.secrets.length = 0
    const target = createEnvelope({ keys: failing('new').provider })
    expect(await codeOf(() => move(from, sealed, target))).toBe('THROTTLED')
    expect(fromSpy.secrets.map((secret) => secret.released)).toEqual([true])
  })

  test('for a signature that does not hold', async () => {
    const { bytes } = writeMessage({ suite: 0x0578, dataKey, frameLength: 16, parts: [pattern(9)] })
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    toSpy.calls.length = 0
    expect(await codeOf(() => move(from, bytes, to))).toBe('AUTHENTICATION_FAILED')
    expect(toSpy.calls).toEqual([])
  })

  test('for carried names that a seal withholds and the message does not have', async () => {
    const options = { seal: { withheld: ['nobody'] } }
    toSpy.calls.length = 0
    expect(await codeOf(() => move(from, sealed, to, options))).toBe('INVALID_ARGUMENT')
    expect(toSpy.calls).toEqual([])
  })

  const signals = ['signal', 'seal.signal'].flatMap(
    (which) =>
      [
        [which, 'unwrapDataKey'],
        [which, 'generateDataKey'],
      ] as const,
  )

  test.each(signals)('when the caller aborts %s during %s, and releases the keys of both sides', async (which, at) => {
    const controller = new AbortController()
    const other = new AbortController()
    const before = (operation: string): Promise<void> | void => {
      if (operation !== at) return
      controller.abort(new Error('enough'))
      return new Promise(() => undefined)
    }
    const [source, target] = [spyProvider({ before }), spyProvider({ before })]
    const [opener, sealer] = [source, target].map(({ provider }) => createEnvelope({ keys: provider }))
    if (opener === undefined || sealer === undefined) throw new Error('two envelopes')
    const first = which === 'signal' ? controller.signal : other.signal
    const second = which === 'signal' ? other.signal : controller.signal
    const error = await refusal(() => move(opener, sealed, sealer, { signal: first, seal: { signal: second } }))
    expect([error.code, error.cause]).toEqual(['ABORTED', new Error('enough')])
    expect([...source.secrets, ...target.secrets].every((secret) => secret.released)).toBe(true)
    expect([...source.calls, ...target.calls].at(-1)).toBe(at)
  })

  test('leaving no listener on its signals', async () => {
    const { signal } = new AbortController()
    await move(from, sealed, to, { signal })
    await move(from, sealed, to, { seal: { signal } })
    expect(await codeOf(() => move(from, pattern(5), to, { signal }))).toBe('MALFORMED_MESSAGE')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})
