/*
 * What a message is sealed with, as the whole of keys, suites and context gathers it (the format's specification has a
 * materials manager for it): each message is read by an independent reading of the format.
 */
import { createDecipheriv } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createEnvelope } from '../message/envelope.ts'
import { allow, forbid, setUp, spyProvider } from '../message/fixtures.test-support.ts'
import { formatPairs, suiteFacts } from '../message/reference-format.test-support.ts'
import { readMessage } from '../message/reference-reader.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import { anyOf } from './any-of.ts'

const signing = [0x0578, 0x0378, 0x0346, 0x0214]
const publicKeyName = 'aws-crypto-public-key'

describe.each(suiteFacts.map(({ id, version, bits }) => [id, version, bits] as const))(
  'a message of suite %i',
  (suite, version, bits) => {
    // spec: framework/algorithm-suites.md#overview/1
    // spec: framework/algorithm-suites.md#message-format-version/1
    // spec: framework/cmm-interface.md#get-encryption-materials/1
    // spec: framework/cmm-interface.md#get-encryption-materials/2
    // spec: framework/cmm-interface.md#get-encryption-materials/3
    // spec: framework/cmm-interface.md#get-encryption-materials/4
    // spec: framework/default-cmm.md#get-encryption-materials/5
    // spec: framework/default-cmm.md#get-encryption-materials/9
    // spec: framework/default-cmm.md#get-encryption-materials/10
    test('has its suite, its version, its context and the entry of the data key that sealed it', async () => {
      const { dataKey, spy, envelope } = setUp(suite)
      const bytes = await envelope.encrypt(pattern(5), { suite, context: { tenant: 't-42' } })
      const read = readMessage(bytes, dataKey) // verifies every tag, the commitment and the signature
      expect([read.version, read.suite]).toEqual([version, suite])
      expect(read.plaintext).toEqual(Buffer.from(pattern(5)))
      expect(Object.fromEntries(read.pairs)).toMatchObject({ tenant: 't-42' })
      expect(read.entries.map(({ ciphertext }) => ciphertext.map((byte) => byte ^ 0xff))).toEqual([
        Buffer.from(dataKey),
      ])
      expect(spy.requests[0]).toMatchObject({ length: bits / 8 })
    })

    // spec: framework/structures.md#plaintext-data-key/3
    test('is sealed under a data key that is wiped afterwards', async () => {
      const { spy, envelope } = setUp(suite)
      await envelope.encrypt(pattern(5), { suite })
      expect(spy.secrets.map(({ released }) => released)).toEqual([true])
    })
  },
)

describe('a signed message', () => {
  // spec: framework/cmm-interface.md#get-encryption-materials/5
  // spec: framework/cmm-interface.md#get-encryption-materials/6
  // spec: framework/cmm-interface.md#get-encryption-materials/7
  // spec: framework/cmm-interface.md#get-encryption-materials/14
  // spec: framework/default-cmm.md#get-encryption-materials/6
  // spec: framework/default-cmm.md#get-encryption-materials/7
  // spec: framework/structures.md#encryption-context/1
  // spec: framework/structures.md#encryption-context/2
  test.each(signing)('of suite %i binds and shows the public key that its signature verifies under', async (suite) => {
    const { dataKey, spy, envelope } = setUp(suite)
    const bytes = await envelope.encrypt(pattern(5), { suite, context: { tenant: 't-42' } })
    const { pairs } = readMessage(bytes, dataKey) // verifies under the key in the context, as base64 of a compressed point
    const publicKey = new Map(pairs).get(publicKeyName)
    expect(spy.requests[0]?.context).toEqual({ [publicKeyName]: publicKey, tenant: 't-42' })
    expect(Buffer.from(spy.requests[0]?.contextBytes ?? [])).toEqual(formatPairs(pairs))
    const again = readMessage(await envelope.encrypt(pattern(5), { suite }), dataKey)
    expect(new Map(again.pairs).get(publicKeyName)).not.toBe(publicKey)
  })

  // spec: framework/cmm-interface.md#get-encryption-materials/8
  // spec: framework/structures.md#encryption-context/3
  test('alone has a public key in its context', async () => {
    for (const { id } of suiteFacts.filter(({ curve }) => curve === undefined)) {
      const { dataKey, spy, envelope } = setUp(id)
      const { pairs } = readMessage(await envelope.encrypt(pattern(5), { suite: id, context: { a: 'b' } }), dataKey)
      expect(pairs).toEqual([['a', 'b']])
      expect(spy.requests[0]?.context).toEqual({ a: 'b' })
    }
  })

  // spec: framework/default-cmm.md#get-encryption-materials/1
  test("leaves the caller's context as it was", async () => {
    const context = { tenant: 't-42' }
    const frozen = Object.freeze({ ...context })
    const envelope = createEnvelope({ keys: spyProvider().provider })
    await envelope.encrypt(pattern(1), { context, sign: true })
    await envelope.encrypt(pattern(1), { context: frozen, sign: true })
    expect(context).toEqual({ tenant: 't-42' })
  })

  // spec: framework/default-cmm.md#get-encryption-materials/2
  test('does not take the place of a public key that the caller gives: that is refused before any call', async () => {
    const { calls, provider } = spyProvider()
    for (const sign of [true, false]) {
      const sealing = () =>
        createEnvelope({ keys: provider }).encrypt(pattern(1), { sign, context: { [publicKeyName]: 'AAAA' } })
      expect(await codeOf(sealing)).toBe('INVALID_ARGUMENT')
    }
    expect(calls).toEqual([])
  })
})

describe('the suite of a message', () => {
  // spec: framework/default-cmm.md#get-encryption-materials/3
  test("is the policy's default where none is asked for", async () => {
    const dataKey = pattern(32, 3)
    const keys = spyProvider({ dataKey }).provider
    const suiteOf = async (commitmentPolicy: typeof allow | typeof forbid | undefined, sign: boolean) =>
      readMessage(await createEnvelope({ keys, commitmentPolicy }).encrypt(pattern(1), { sign }), dataKey).suite
    expect([await suiteOf(undefined, false), await suiteOf(undefined, true)]).toEqual([0x0478, 0x0578])
    expect([await suiteOf(allow, false), await suiteOf(allow, true)]).toEqual([0x0478, 0x0578])
    expect([await suiteOf(forbid, false), await suiteOf(forbid, true)]).toEqual([0x0178, 0x0378])
  })

  // spec: framework/default-cmm.md#get-encryption-materials/4
  test('is refused where the policy does not write it, before any call', async () => {
    const { calls, provider } = spyProvider()
    for (const { id, version } of suiteFacts) {
      const wrong = version === 1 ? [undefined, allow] : [forbid]
      for (const commitmentPolicy of wrong as (typeof allow)[]) {
        const envelope = createEnvelope({ keys: provider, commitmentPolicy })
        expect(await codeOf(() => envelope.encrypt(pattern(1), { suite: id }))).toBe('POLICY_VIOLATION')
      }
    }
    expect(calls).toEqual([])
  })
})

// spec: framework/default-cmm.md#get-encryption-materials/8
test('every message asks for a data key of its own', async () => {
  const { calls, provider } = spyProvider()
  const envelope = createEnvelope({ keys: provider })
  for (let round = 0; round < 3; round++) await envelope.encrypt(pattern(1))
  expect(calls).toEqual(['generateDataKey', 'generateDataKey', 'generateDataKey'])
})

describe('the names of a context', () => {
  // spec: framework/structures.md#required-encryption-context-keys/1
  // spec: framework/cmm-interface.md#get-encryption-materials/15
  test('include every withheld one', async () => {
    const { calls, provider } = spyProvider()
    const envelope = createEnvelope({ keys: provider })
    for (const options of [
      { withheld: ['b'] },
      { context: { a: '1' }, withheld: ['a', 'b'] },
      { context: {}, withheld: ['toString'] },
    ]) {
      expect(await codeOf(() => envelope.encrypt(pattern(1), options))).toBe('INVALID_ARGUMENT')
    }
    expect(calls).toEqual([])
  })

  // spec: framework/cmm-interface.md#get-encryption-materials/16
  test('that are withheld are all kept out of the header, and all bound', async () => {
    const dataKey = pattern(32, 3)
    const { requests, provider } = spyProvider({ dataKey })
    const context = { a: '1', b: '2', c: '3' }
    const bytes = await createEnvelope({ keys: provider }).encrypt(pattern(1), { context, withheld: ['a', 'c'] })
    const { pairs } = readMessage(bytes, dataKey, [
      ['a', '1'],
      ['c', '3'],
    ])
    expect(pairs).toEqual([['b', '2']])
    expect(requests[0]?.context).toEqual(context)
  })

  // spec: framework/required-encryption-context-cmm.md#get-encryption-materials/1
  test('include every one that the envelope requires, or the message is not sealed', async () => {
    const { calls, provider } = spyProvider()
    const envelope = createEnvelope({ keys: provider, requireContext: ['tenant', 'user'] })
    for (const context of [undefined, {}, { tenant: 't' }, { user: 'u', Tenant: 't' }]) {
      expect(await codeOf(() => envelope.encrypt(pattern(1), { context }))).toBe('INVALID_ARGUMENT')
    }
    expect(calls).toEqual([])
    await envelope.encrypt(pattern(1), { context: { tenant: '', user: 'u' } })
  })
})

describe('the context that a raw AES key binds', () => {
  const key = pattern(32, 8)
  const keys = rawAes({ namespace: 'ns', name: 'k1', key })

  /** The data key in the message's one entry, if its associated data is this serialization. */
  async function dataKeyUnder(aad: Uint8Array, options: Parameters<ReturnType<typeof createEnvelope>['encrypt']>[1]) {
    const bytes = Buffer.from(await createEnvelope({ keys: anyOf(keys) }).encrypt(pattern(3), options))
    const start = bytes.indexOf('k1') + 2 + 8
    const [iv, sealed] = [bytes.subarray(start, start + 12), bytes.subarray(start + 14, start + 14 + 48)]
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 })
      .setAAD(aad)
      .setAuthTag(sealed.subarray(32))
    const dataKey = Buffer.concat([decipher.update(sealed.subarray(0, 32)), decipher.final()])
    return { dataKey, bytes }
  }

  // spec: framework/structures.md#serialization/1
  test('is no bytes at all where there are no pairs', async () => {
    await dataKeyUnder(Buffer.alloc(0), {})
    await dataKeyUnder(Buffer.alloc(0), { context: {} })
  })

  // spec: framework/structures.md#serialization/2
  // spec: framework/structures.md#key-value-pair-entries/2
  // spec: framework/raw-aes-keyring.md#onencrypt/4
  // spec: framework/raw-aes-keyring.md#onencrypt/11
  // spec: framework/raw-aes-keyring.md#onencrypt/12
  test('is count and pairs, sorted by UTF-8 bytes and not as JavaScript sorts, withheld ones among them', async () => {
    const context = { '\u{10000}': 'vier', '\uffff': 'drei', a: 'zwei', A: 'eins', ä: '' }
    const pairs = [
      ['A', 'eins'],
      ['a', 'zwei'],
      ['ä', ''],
      ['\uffff', 'drei'],
      ['\u{10000}', 'vier'],
    ] as const
    const { dataKey, bytes } = await dataKeyUnder(formatPairs(pairs), { context })
    expect(readMessage(bytes, dataKey).plaintext).toEqual(Buffer.from(pattern(3)))
    await dataKeyUnder(formatPairs(pairs), { context, withheld: ['a', '\uffff'] })
  })

  // spec: framework/raw-aes-keyring.md#onencrypt/2
  test('is bound with another data key every time', async () => {
    const seen = new Set<string>()
    for (let round = 0; round < 10; round++) seen.add((await dataKeyUnder(Buffer.alloc(0), {})).dataKey.toString('hex'))
    expect(seen.size).toBe(10)
  })

  // spec: framework/raw-aes-keyring.md#onencrypt/5
  test('is refused where it cannot be serialized', async () => {
    for (const context of [{ a: 'x'.repeat(65_536) }, { a: 'x'.repeat(40_000), b: 'x'.repeat(40_000) }]) {
      expect(await codeOf(() => createEnvelope({ keys }).encrypt(pattern(1), { context }))).toBe('LIMIT_EXCEEDED')
      expect(await codeOf(() => createEnvelope({ keys }).encrypt(pattern(1), { context, withheld: ['a'] }))).toBe(
        'LIMIT_EXCEEDED',
      )
    }
  })
})
