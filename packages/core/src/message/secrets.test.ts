import { inspect as print } from 'node:util'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { createEnvelope } from './envelope.ts'
import { allow, setUp, spyProvider } from './fixtures.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { newSigner, spyEntry, writeMessage } from './reference-writer.test-support.ts'

// Canaries that are text, so that they are found however they are printed: as text, hex, base64 or a list of numbers.
const wrappingKey = Buffer.from('WRAPPING-KEY-CANARY-0123456789ab')
const dataKey = Buffer.from('DATA-KEY-CANARY-0123456789abcdef')
const plaintext = Buffer.from('PLAINTEXT-CANARY: attack at dawn')

function leaks(text: string): boolean {
  const compact = text.replace(/\s/g, '').replace(/"\d+":/g, '') // printed lists have spaces, JSON of bytes has indices
  return [wrappingKey, dataKey, plaintext].some((secret) => {
    const part = secret.subarray(0, 15)
    const forms = [part.toString('latin1'), part.toString('hex'), part.toString('base64'), [...part].join(',')]
    return forms.some((form) => compact.includes(form))
  })
}

/** All that a program may print of an error. */
function everything(error: unknown): string {
  const shown = print(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: null, getters: true })
  const own =
    error instanceof Error ? `${error.message} ${error.stack} ${print(error.cause, { showHidden: true })}` : ''
  return `${shown} ${own} ${JSON.stringify(error)} ${String(error)}`
}

test('the search for canaries finds them', () => {
  for (const secret of [wrappingKey, dataKey, plaintext]) {
    for (const held of [secret, new Uint8Array(secret), secret.toString('hex'), secret.toString('base64')]) {
      expect(leaks(everything(Object.assign(new Error('x'), { held }))), String(held)).toBe(true)
      expect(leaks(everything(new Error('x', { cause: { held } })))).toBe(true)
    }
  }
  expect(leaks(everything(new Error('x', { cause: { held: SecretBytes.from(dataKey.subarray(0)) } })))).toBe(false)
})

describe('no error shows a key, a data key or plaintext where', () => {
  const keys = rawAes({ namespace: 'ns', name: 'k', key: wrappingKey })
  const other = rawAes({ namespace: 'ns', name: 'k', key: pattern(32) })
  const failing = spyProvider({
    name: 'failing',
    dataKey,
    before() {
      throw new Error('boom')
    },
  })
  const seal = () => createEnvelope({ keys }).encrypt(plaintext, { context: { tenant: 't' }, frameLength: 20 })
  const flipped = (bytes: Uint8Array, fromEnd: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8((copy.at(-fromEnd) ?? 0) ^ 1, copy.length - fromEnd)
    return copy
  }
  const spied = createEnvelope({ keys: spyProvider({ dataKey }).provider })
  const message = {
    suite: 0x0478,
    dataKey,
    frameLength: 20,
    parts: [plaintext.subarray(0, 20), plaintext.subarray(20)],
  }

  const failures: readonly (readonly [what: string, code: string, run: () => unknown])[] = [
    [
      'the wrapping key is wrong',
      'AUTHENTICATION_FAILED',
      async () => createEnvelope({ keys: other }).decrypt(await seal()),
    ],
    [
      'several keys are wrong',
      'AUTHENTICATION_FAILED',
      async () =>
        createEnvelope({ keys: anyOf(other, rawAes({ namespace: 'ns', name: 'k', key: pattern(32, 1) })) }).decrypt(
          await seal(),
        ),
    ],
    [
      'a frame is altered',
      'AUTHENTICATION_FAILED',
      async () => createEnvelope({ keys }).decrypt(flipped(await seal(), 1)),
    ],
    [
      'a message is cut',
      'MALFORMED_MESSAGE',
      async () => createEnvelope({ keys }).decrypt((await seal()).subarray(0, -1)),
    ],
    [
      'a context mismatches',
      'CONTEXT_MISMATCH',
      async () => createEnvelope({ keys }).decrypt(await seal(), { context: { tenant: 'x' } }),
    ],
    [
      'the data key is not the committed one',
      'AUTHENTICATION_FAILED',
      () => spied.decrypt(writeMessage({ ...message, wrap: () => [spyEntry(Buffer.from(dataKey).reverse())] }).bytes),
    ],
    [
      'the data key is too long',
      'AUTHENTICATION_FAILED',
      () =>
        spied.decrypt(writeMessage({ ...message, wrap: () => [spyEntry(Buffer.concat([dataKey, dataKey]))] }).bytes),
    ],
    [
      'a made data key is too short',
      'AUTHENTICATION_FAILED',
      () => createEnvelope({ keys: spyProvider({ dataKey: dataKey.subarray(0, 31) }).provider }).encrypt(plaintext),
    ],
    ['a key throws', 'UNKNOWN', () => createEnvelope({ keys: failing.provider }).encrypt(plaintext)],
    [
      'a recipient throws',
      'UNKNOWN',
      () => createEnvelope({ keys: anyOf(spyProvider({ dataKey }).provider, failing.provider) }).encrypt(plaintext),
    ],
    [
      'a signature is another’s',
      'AUTHENTICATION_FAILED',
      () => {
        const signed = { ...message, suite: 0x0578, signer: newSigner(0x0578) }
        const { header, frames } = writeMessage(signed)
        return spied.decrypt(
          Buffer.concat([header, ...frames, writeMessage(message).footer, Buffer.from('0000', 'hex')]),
        )
      },
    ],
    [
      'an option is wrong',
      'INVALID_ARGUMENT',
      () => rawAes({ namespace: 'ns', name: 'k', key: wrappingKey.subarray(1) }),
    ],
    ['plaintext is text', 'INVALID_ARGUMENT', () => spied.encrypt(plaintext.toString() as unknown as Uint8Array)],
  ]
  test.each(failures)('%s', async (_, code, run) => {
    const error = await refusal(run)
    expect(error.code).toBe(code)
    expect(leaks(everything(error)), everything(error)).toBe(false)
  })
})

test('no event shows a key, a data key or plaintext', async () => {
  const events: KeyfoldEvent[] = []
  const second = spyProvider({ name: 'second', dataKey })
  const keys = anyOf(spyProvider({ dataKey }).provider, second.provider)
  const envelope = createEnvelope({ keys, observe: (event) => void events.push(event) })
  await envelope.decrypt(await envelope.encrypt(plaintext, { context: { tenant: 'TENANT-CANARY' } }))
  expect(events.length).toBe(5)
  expect(leaks(everything(events))).toBe(false)
  expect(everything(events)).not.toContain('TENANT-CANARY')
})

describe('data keys are wiped', () => {
  const wiped = (secrets: readonly SecretBytes[]): readonly boolean[] => secrets.map((secret) => secret.released)

  test('after a message is sealed, and after it is opened', async () => {
    for (const suite of [0x0478, 0x0578, 0x0178, 0x0014]) {
      const { spy, envelope } = setUp(suite)
      const sealed = await envelope.encrypt(plaintext, { suite })
      expect(wiped(spy.secrets)).toEqual([true])
      await envelope.decrypt(sealed)
      expect(wiped(spy.secrets)).toEqual([true, true])
    }
  })

  test('to zeros, in the buffer itself', async () => {
    const held: Uint8Array[] = []
    const spy = spyProvider()
    const provider: KeyProvider = {
      ...spy.provider,
      async generateDataKey(request, options) {
        const generated = await spy.provider.generateDataKey?.(request, options)
        if (generated === undefined) throw new Error('the spy generates')
        held.push(generated.dataKey.bytes)
        return generated
      },
    }
    const sealed = await createEnvelope({ keys: provider }).encrypt(plaintext)
    expect(readMessage(sealed, pattern(32, 77)).plaintext.equals(plaintext)).toBe(true)
    expect(held).toEqual([new Uint8Array(32)])
  })

  test('where core drew them', async () => {
    const held: Uint8Array[] = []
    const { generateDataKey: _, ...opensAndWraps } = spyProvider().provider
    const provider: KeyProvider = {
      ...opensAndWraps,
      async wrapDataKey({ dataKey: drawn }) {
        held.push(drawn.bytes)
        return spyEntry(drawn.bytes)
      },
    }
    await createEnvelope({ keys: provider }).encrypt(plaintext)
    expect(held).toEqual([new Uint8Array(32)])
  })

  test('where the message was refused after all', async () => {
    const { spy, envelope } = setUp(0x0478)
    const spec = { suite: 0x0478, dataKey: pattern(32, 3), frameLength: 99, parts: [plaintext] }
    const { bytes, header } = writeMessage(spec)
    for (const at of [header.length - 1, header.length - 20, bytes.length - 1]) {
      const altered = Buffer.from(bytes)
      altered.writeUInt8((altered[at] ?? 0) ^ 1, at)
      expect(await codeOf(() => envelope.decrypt(altered))).toBe('AUTHENTICATION_FAILED')
    }
    const short = writeMessage({ ...spec, wrap: () => [spyEntry(pattern(31))] }).bytes
    expect(await codeOf(() => envelope.decrypt(short))).toBe('AUTHENTICATION_FAILED')
    expect(wiped(spy.secrets)).toEqual([true, true, true, true])
  })

  test('where a recipient could not wrap, and where the observer throws', async () => {
    const first = spyProvider()
    const failing = spyProvider({
      before() {
        throw new KeyfoldError('ACCESS_DENIED', 'no')
      },
    })
    const observe = () => {
      throw new Error('observer')
    }
    const envelope = createEnvelope({ keys: anyOf(first.provider, failing.provider), observe })
    expect(await codeOf(() => envelope.encrypt(plaintext))).toBe('ACCESS_DENIED')
    expect(wiped(first.secrets)).toEqual([true])
  })

  test('of every entry that was tried, where several open to the wrong thing', async () => {
    const { spy, envelope } = setUp(0x0178)
    const right = pattern(32, 3)
    const wrap = () => [spyEntry(pattern(32, 4)), spyEntry(pattern(30)), spyEntry(right), spyEntry(right)]
    const { bytes } = writeMessage({ suite: 0x0178, dataKey: right, wrap, frameLength: 99, parts: [plaintext] })
    expect(Buffer.from((await envelope.decrypt(bytes)).plaintext).equals(plaintext)).toBe(true)
    expect(spy.calls.length).toBe(3)
    expect(wiped(spy.secrets)).toEqual([true, true, true])
  })

  test('is no reason to touch the caller’s plaintext, or its keys', async () => {
    const key = Buffer.from(wrappingKey)
    const envelope = createEnvelope({ keys: rawAes({ namespace: 'ns', name: 'k', key }), commitmentPolicy: allow })
    const given = Buffer.from(plaintext)
    await envelope.decrypt(await envelope.encrypt(given))
    expect([given.equals(plaintext), key.equals(wrappingKey)]).toEqual([true, true])
  })
})
