import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { KeyProvider } from '../keys/key-provider.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { rawRsa } from '../raw/raw-rsa.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { inspect } from '../wire/inspect.ts'
import { createEnvelope } from './envelope.ts'
import { forbid, setUp, spyProvider } from './fixtures.test-support.ts'
import { formatPairs, sortPairs } from './reference-format.test-support.ts'
import { readMessage } from './reference-reader.test-support.ts'
import { rawAesEntry, writeMessage } from './reference-writer.test-support.ts'

const context = { tenant: 't-42', region: 'eu' }
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keyKinds: readonly (readonly [kind: string, keys: KeyProvider])[] = [
  ['AES', rawAes({ namespace: 'ns', name: 'k', key: pattern(32) })],
  ['RSA', rawRsa({ namespace: 'ns', name: 'k', padding: 'oaep-sha256', privateKey, publicKey })],
]

describe.each(keyKinds)('the context, under %s', (_, keys) => {
  const envelope = createEnvelope({ keys })

  // spec: client-apis/decrypt.md#input/3
  test('opens with every expected pair, some of them or none, and comes back whole', async () => {
    const sealed = await envelope.encrypt(pattern(9), { context })
    for (const expected of [undefined, {}, { tenant: 't-42' }, { region: 'eu' }, context]) {
      const opened = await envelope.decrypt(sealed, { context: expected })
      expect({ ...opened.context }).toEqual(context)
      expect(opened.plaintext).toEqual(pattern(9))
    }
  })

  test('mismatches where an expected pair is absent or has another value', async () => {
    const sealed = await envelope.encrypt(pattern(9), { context })
    for (const wrong of [
      { tenant: 't-43' },
      { tenant: '' },
      { Tenant: 't-42' },
      { ...context, more: '' },
      { constructor: 'x' },
    ]) {
      expect(await codeOf(() => envelope.decrypt(sealed, { context: wrong }))).toBe('CONTEXT_MISMATCH')
    }
    const withheld = { context: { tenant: 't-43' }, withheld: ['tenant'] }
    expect(await codeOf(() => envelope.decrypt(sealed, withheld))).toBe('CONTEXT_MISMATCH')
  })

  // spec: client-apis/encrypt.md#construct-the-header/7
  // spec: client-apis/encrypt.md#construct-the-header/17
  // spec: client-apis/decrypt.md#verify-the-header/2
  // spec: client-apis/decrypt.md#verify-the-header/3
  test.each([0x0478, 0x0578, 0x0178])(
    'withheld is absent from the header and bound all the same, in suite %i',
    async (suite) => {
      const sealer = createEnvelope({ keys, ...(suite === 0x0178 ? { commitmentPolicy: forbid } : {}) })
      const sealed = await sealer.encrypt(pattern(9), { context, withheld: ['tenant'], suite })
      expect(Buffer.from(sealed).includes('tenant') || Buffer.from(sealed).includes('t-42')).toBe(false)
      expect({ ...inspect(sealed).context }).toEqual({ region: 'eu' })

      const open = (expected: Record<string, string>, names?: string[]) =>
        sealer.decrypt(sealed, { context: expected, withheld: names })
      expect({ ...(await open(context, ['tenant'])).context }).toEqual(context)
      expect({ ...(await open(context, ['tenant', 'region'])).context }).toEqual(context)
      expect(await codeOf(() => open({ ...context, tenant: 't-43' }, ['tenant']))).toBe('AUTHENTICATION_FAILED')
      expect(await codeOf(() => open({ ...context, more: 'x' }, ['tenant', 'more']))).toBe('AUTHENTICATION_FAILED')
      expect(await codeOf(() => open({}, []))).toBe('AUTHENTICATION_FAILED')
      expect(await codeOf(() => open(context, []))).toBe('CONTEXT_MISMATCH')
      expect(await codeOf(() => open(context))).toBe('CONTEXT_MISMATCH')
    },
  )

  test('may be withheld whole', async () => {
    const sealed = await envelope.encrypt(pattern(9), { context, withheld: ['region', 'tenant'] })
    expect(Object.keys(inspect(sealed).context)).toEqual([])
    const opened = await envelope.decrypt(sealed, { context, withheld: ['tenant', 'region'] })
    expect({ ...opened.context }).toEqual(context)
  })
})

test('a mismatch is found before any key is asked', async () => {
  const { spy, envelope } = setUp(0x0478)
  const sealed = await envelope.encrypt(pattern(9), { context })
  expect(await codeOf(() => envelope.decrypt(sealed, { context: { tenant: 'x' } }))).toBe('CONTEXT_MISMATCH')
  expect(await codeOf(() => envelope.decrypt(sealed, { context: { more: 'x' } }))).toBe('CONTEXT_MISMATCH')
  expect(spy.calls).toEqual(['generateDataKey'])
})

describe('a provider is given', () => {
  // spec: client-apis/encrypt.md#get-the-encryption-materials/5
  // spec: client-apis/encrypt.md#get-the-encryption-materials/6
  // spec: client-apis/decrypt.md#keyring/1
  // spec: client-apis/decrypt.md#keyring/2
  // spec: client-apis/decrypt.md#get-the-decryption-materials/4
  // spec: client-apis/decrypt.md#get-the-decryption-materials/5
  test.each([0x0478, 0x0578, 0x0346, 0x0014])(
    'the whole context, sorted, and the length of suite %i',
    async (suite) => {
      const { dataKey, spy, envelope } = setUp(suite)
      const all = { z: '1', '😀': '2', '\uffff': '3', hidden: '4' }
      const sealed = await envelope.encrypt(pattern(9), { context: all, withheld: ['hidden'], suite })
      await envelope.decrypt(sealed, { context: { hidden: '4' }, withheld: ['hidden'] })
      const { pairs } = readMessage(sealed, dataKey, [['hidden', '4']])
      const bound = sortPairs([...pairs, ['hidden', '4']])
      for (const request of spy.requests) {
        expect(Buffer.from(request.contextBytes).toString('hex')).toBe(formatPairs(bound).toString('hex'))
        expect({ ...request.context }).toEqual(Object.fromEntries(bound))
        expect([Object.isFrozen(request.context), Object.getPrototypeOf(request.context)]).toEqual([true, null])
        expect(request.length).toBe(dataKey.length)
      }
      expect(spy.calls).toEqual(['generateDataKey', 'unwrapDataKey'])
    },
  )

  test('no bytes for an empty context', async () => {
    const { spy, envelope } = setUp(0x0478)
    await envelope.decrypt(await envelope.encrypt(pattern(9)))
    expect(spy.requests.map((request) => request.contextBytes.length)).toEqual([0, 0])
  })
})

describe('the names that an envelope requires', () => {
  const spy = spyProvider()
  const envelope = createEnvelope({ keys: spy.provider, requireContext: ['tenant'] })

  test('are demanded of every call', async () => {
    const sealed = await envelope.encrypt(pattern(9), { context })
    spy.calls.length = 0
    for (const lacking of [undefined, {}, { region: 'eu' }]) {
      expect(await codeOf(() => envelope.encrypt(pattern(9), { context: lacking }))).toBe('INVALID_ARGUMENT')
      const error = await refusal(() => envelope.decrypt(sealed, { context: lacking }))
      expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('"tenant"')])
    }
    expect(spy.calls).toEqual([])
    expect((await envelope.decrypt(sealed, { context: { tenant: 't-42' } })).plaintext).toEqual(pattern(9))
  })

  test('may be withheld', async () => {
    const sealed = await envelope.encrypt(pattern(9), { context, withheld: ['tenant'] })
    const options = { context: { tenant: 't-42' }, withheld: ['tenant'] }
    expect({ ...(await envelope.decrypt(sealed, options)).context }).toEqual(context)
  })
})

test('a returned context is frozen, without a prototype, and without the pairs of the format', async () => {
  const { envelope } = setUp(0x0578)
  const sealed = await envelope.encrypt(pattern(9), { context, sign: true })
  const opened = await envelope.decrypt(sealed)
  expect(opened.signed).toBe(true)
  expect([Object.isFrozen(opened.context), Object.getPrototypeOf(opened.context)]).toEqual([true, null])
  expect(Object.keys(opened.context).sort()).toEqual(['region', 'tenant'])
})

test('a pair that a header has under the reserved prefix is bound, and not returned', async () => {
  const key = pattern(32, 44)
  const context = [
    ['aws-crypto-other', 'x'],
    ['tenant', 't-42'],
  ] as const
  const wrap = rawAesEntry(key, 'ns', 'k')
  const { bytes } = writeMessage({
    suite: 0x0478,
    dataKey: pattern(32),
    wrap,
    context,
    frameLength: 9,
    parts: [pattern(9)],
  })
  const opened = await createEnvelope({ keys: rawAes({ namespace: 'ns', name: 'k', key }) }).decrypt(bytes)
  expect({ ...opened.context }).toEqual({ tenant: 't-42' })
})

describe('a context that a caller gives', () => {
  class Instance {
    readonly tenant = 't-42'
  }
  const { spy, envelope } = setUp(0x0478)
  // spec: client-apis/encrypt.md#encryption-context/1
  test.each([
    ['has the reserved prefix', { 'aws-crypto-': '' }],
    ['has the public key', { 'aws-crypto-public-key': 'AAAA' }],
    ['has the name __proto__', JSON.parse('{ "__proto__": "x" }')],
    ['has a lone surrogate in a name', { 'a\ud800': 'x' }],
    ['has a lone surrogate in a value', { a: '\udc00x' }],
    ['has a number for a value', { a: 1 }],
    ['has null for a value', { a: null }],
    ['has undefined for a value', { a: undefined }],
    ['is a Map', new Map([['a', 'b']])],
    ['is an instance of a class', new Instance()],
    ['is an array', ['a']],
    ['is text', 'a=b'],
    ['is a function', () => 'x'],
  ])('is refused where it %s', async (_, wrong) => {
    const given = wrong as Record<string, string> // what a caller without types may do
    expect(await codeOf(() => envelope.encrypt(pattern(9), { context: given }))).toBe('INVALID_ARGUMENT')
    const sealed = await setUp(0x0478).envelope.encrypt(pattern(9))
    expect(await codeOf(() => envelope.decrypt(sealed, { context: given }))).toBe('INVALID_ARGUMENT')
    expect(spy.calls).toEqual([])
  })

  test('is taken where it only resembles one of those', async () => {
    const odd = { 'aws-crypto': 'a', 'Aws-crypto-x': 'b', constructor: 'c', '': '', toString: '\ufeff', '😀': '\0' }
    const sealed = await envelope.encrypt(pattern(9), { context: odd })
    expect({ ...(await envelope.decrypt(sealed, { context: odd })).context }).toEqual(odd)
    const bare = Object.assign(Object.create(null), { tenant: 't' })
    const opened = await envelope.decrypt(await envelope.encrypt(pattern(9), { context: bare }))
    expect({ ...opened.context }).toEqual({ tenant: 't' })
  })

  test('is read once: what happens to it afterwards changes nothing', async () => {
    const changing: Record<string, string> = { tenant: 't-42' }
    const sealing = envelope.encrypt(pattern(9), { context: changing })
    changing['tenant'] = 'other'
    changing['more'] = 'x'
    expect({ ...inspect(await sealing).context }).toEqual({ tenant: 't-42' })
  })

  test('withholds only names that it has, given as an array', async () => {
    const sealed = await setUp(0x0478).envelope.encrypt(pattern(9), { context })
    for (const wrong of [['more'], [1], 'tenant', new Set(['tenant']), ['toString'], null] as unknown[]) {
      const options = { context, withheld: wrong as string[] }
      expect(await codeOf(() => envelope.encrypt(pattern(9), options))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => envelope.decrypt(sealed, options))).toBe('INVALID_ARGUMENT')
    }
  })

  test('is LIMIT_EXCEEDED past what the format holds, before any key is asked', async () => {
    const counted = setUp(0x0478)
    const most = { k: 'v'.repeat(0xffff - 7) }
    expect((await counted.envelope.encrypt(pattern(9), { context: most })).length).toBeGreaterThan(0xffff)
    counted.spy.calls.length = 0
    const more = { k: 'v'.repeat(0xffff - 6) }
    expect(await codeOf(() => counted.envelope.encrypt(pattern(9), { context: more }))).toBe('LIMIT_EXCEEDED')
    expect(counted.spy.calls).toEqual([])
  })
})
