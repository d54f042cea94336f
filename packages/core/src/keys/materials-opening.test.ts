/*
 * What a message is opened with, as the whole of keys, suites and context gathers it. The messages are written by an
 * independent writing of the format.
 */
import { describe, expect, test } from 'vitest'
import { createEnvelope } from '../message/envelope.ts'
import { allow, forbid, spyProvider } from '../message/fixtures.test-support.ts'
import { factsOf, formatPairs, type Pair, suiteFacts, u16 } from '../message/reference-format.test-support.ts'
import { type MessageSpec, newSigner, rawAesEntry, writeMessage } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'

const publicKeyName = 'aws-crypto-public-key'
const pairs: readonly Pair[] = [
  ['tenant', 't-42'],
  ['user', 'u-7'],
]

function write(suite: number, more: Partial<MessageSpec> = {}) {
  const dataKey = pattern(factsOf(suite).bits / 8, 3)
  return writeMessage({ suite, dataKey, context: pairs, frameLength: 4, parts: [pattern(4), pattern(3)], ...more })
}

function opener(options: Partial<Parameters<typeof createEnvelope>[0]> = {}) {
  const spy = spyProvider()
  return { spy, envelope: createEnvelope({ keys: spy.provider, commitmentPolicy: allow, ...options }) }
}

describe.each(suiteFacts.map(({ id, bits, curve }) => [id, bits, curve] as const))(
  'a message of suite %i',
  (suite, bits, curve) => {
    // spec: framework/algorithm-suites.md#supported-algorithm-suite-data/1
    // spec: framework/algorithm-suites.md#supported-algorithm-suite-data/2
    // spec: framework/cmm-interface.md#decrypt-materials/1
    // spec: framework/cmm-interface.md#decrypt-materials/6
    // spec: framework/cmm-interface.md#decrypt-materials/7
    // spec: framework/cmm-interface.md#decrypt-materials/9
    // spec: framework/default-cmm.md#decrypt-materials/6
    // spec: framework/structures.md#plaintext-data-key/6
    test('opens to its plaintext, suite and context, under a data key that is wiped afterwards', async () => {
      const { spy, envelope } = opener()
      const opened = await envelope.decrypt(write(suite).bytes)
      expect(Buffer.from(opened.plaintext)).toEqual(Buffer.concat([pattern(4), pattern(3)]))
      expect([opened.suite, opened.signed]).toEqual([suite, curve !== undefined])
      expect({ ...opened.context }).toEqual(Object.fromEntries(pairs)) // without the public key
      expect(spy.requests[0]).toMatchObject({ length: bits / 8 })
      expect(spy.secrets.map(({ released }) => released)).toEqual([true])
    })

    // spec: framework/structures.md#encryption-context/4
    // spec: framework/structures.md#encryption-context/5
    // spec: framework/structures.md#encryption-context/6
    test('is opened under the context of its header, the public key among it where it is signed', async () => {
      const { spy, envelope } = opener()
      const signer = curve === undefined ? undefined : newSigner(suite)
      await envelope.decrypt(write(suite, signer && { signer }).bytes)
      const all: Pair[] = [...(signer ? [[publicKeyName, signer.publicKey] as const] : []), ...pairs]
      expect(spy.requests[0]?.context).toEqual(Object.fromEntries(all))
      expect(Buffer.from(spy.requests[0]?.contextBytes ?? [])).toEqual(formatPairs(all))
    })

    // spec: framework/cmm-interface.md#decrypt-materials/12
    // spec: framework/default-cmm.md#decrypt-materials/1
    test('is refused under another public key than its own, where it is signed', async () => {
      if (curve === undefined) return
      const signer = newSigner(suite)
      const forged = write(suite, { signer: { ...signer, publicKey: newSigner(suite).publicKey } })
      expect(await codeOf(() => opener().envelope.decrypt(forged.bytes))).toBe('AUTHENTICATION_FAILED')
    })

    // spec: framework/cmm-interface.md#decrypt-materials/2
    // spec: framework/cmm-interface.md#decrypt-materials/3
    // spec: framework/default-cmm.md#decrypt-materials/2
    // spec: framework/default-cmm.md#decrypt-materials/3
    test('is refused with a public key but no signature, or the other way round, before any call', async () => {
      const { spy, envelope } = opener()
      const wrong = write(suite, { showsPublicKey: curve === undefined })
      expect(await codeOf(() => envelope.decrypt(wrong.bytes))).toBe('MALFORMED_MESSAGE')
      expect(spy.calls).toEqual([])
    })
  },
)

// spec: framework/default-cmm.md#decrypt-materials/4
test('a message is refused where the policy does not read its suite, before any call', async () => {
  for (const { id, version } of suiteFacts) {
    const { spy, envelope } = opener({ commitmentPolicy: undefined })
    if (version === 2) await envelope.decrypt(write(id).bytes)
    else expect(await codeOf(() => envelope.decrypt(write(id).bytes))).toBe('POLICY_VIOLATION')
    expect(spy.calls.length).toBe(version === 2 ? 1 : 0)
    await opener({ commitmentPolicy: forbid }).envelope.decrypt(write(id).bytes)
  }
})

// spec: framework/default-cmm.md#decrypt-materials/5
test('every message asks for its data key anew', async () => {
  const { spy, envelope } = opener()
  const { bytes } = write(0x0478)
  for (let round = 0; round < 3; round++) await envelope.decrypt(bytes)
  expect(spy.calls).toEqual(['unwrapDataKey', 'unwrapDataKey', 'unwrapDataKey'])
})

describe('the expected context', () => {
  // spec: framework/cmm-interface.md#decrypt-materials/4
  // spec: framework/cmm-interface.md#decrypt-materials/5
  test('has each of its pairs in the header with that value, or the message is refused before any call', async () => {
    const { spy, envelope } = opener()
    const { bytes } = write(0x0478)
    for (const context of [{ tenant: 't-43' }, { tenant: 't-42', user: '' }, { absent: '' }]) {
      expect(await codeOf(() => envelope.decrypt(bytes, { context }))).toBe('CONTEXT_MISMATCH')
    }
    const withheld = () => envelope.decrypt(bytes, { context: { tenant: 't-43' }, withheld: ['tenant'] })
    expect(await codeOf(withheld)).toBe('CONTEXT_MISMATCH')
    expect(spy.calls).toEqual([])
    for (const context of [{}, { tenant: 't-42' }, Object.fromEntries(pairs)])
      await envelope.decrypt(bytes, { context })
  })

  // spec: framework/cmm-interface.md#decrypt-materials/8
  // spec: framework/cmm-interface.md#decrypt-materials/10
  // spec: framework/cmm-interface.md#decrypt-materials/11
  test('adds the pairs that were withheld, for the key, the header’s tag and the caller', async () => {
    const { spy, envelope } = opener()
    const { bytes } = write(0x0478, { withheld: [['secretless', 'yes']] })
    const context = { secretless: 'yes', tenant: 't-42' }
    const all = { secretless: 'yes', ...Object.fromEntries(pairs) }
    const opened = await envelope.decrypt(bytes, { context, withheld: ['secretless', 'tenant'] })
    expect({ ...opened.context }).toEqual(all)
    expect(spy.requests[0]?.context).toEqual(all)
    expect(Buffer.from(spy.requests[0]?.contextBytes ?? [])).toEqual(formatPairs([['secretless', 'yes'], ...pairs]))
    const wrong = () => envelope.decrypt(bytes, { context: { secretless: 'no' }, withheld: ['secretless'] })
    expect(await codeOf(wrong)).toBe('AUTHENTICATION_FAILED')
    expect(await codeOf(() => envelope.decrypt(bytes))).toBe('AUTHENTICATION_FAILED')
  })

  // spec: framework/structures.md#required-encryption-context-keys/2
  test('has every name that may be withheld', async () => {
    const { spy, envelope } = opener()
    const { bytes } = write(0x0478)
    expect(await codeOf(() => envelope.decrypt(bytes, { withheld: ['tenant'] }))).toBe('INVALID_ARGUMENT')
    expect(spy.calls).toEqual([])
  })

  // spec: framework/required-encryption-context-cmm.md#decrypt-materials/1
  test('has every name that the envelope requires', async () => {
    const { spy, envelope } = opener({ requireContext: ['tenant'] })
    const { bytes } = write(0x0478)
    for (const context of [undefined, {}, { user: 'u-7' }]) {
      expect(await codeOf(() => envelope.decrypt(bytes, { context }))).toBe('INVALID_ARGUMENT')
    }
    expect(spy.calls).toEqual([])
  })

  // spec: framework/required-encryption-context-cmm.md#decrypt-materials/3
  test('has the required names returned, whether they stood in the header or were withheld', async () => {
    const { envelope } = opener({ requireContext: ['tenant'] })
    const context = { tenant: 't-42' }
    expect((await envelope.decrypt(write(0x0478).bytes, { context })).context['tenant']).toBe('t-42')
    const without = write(0x0478, { context: [], withheld: [['tenant', 't-42']] })
    expect((await envelope.decrypt(without.bytes, { context, withheld: ['tenant'] })).context['tenant']).toBe('t-42')
    const bare = write(0x0478, { context: [] })
    expect(await codeOf(() => envelope.decrypt(bare.bytes, { context }))).toBe('CONTEXT_MISMATCH')
  })
})

describe('the context of a header', () => {
  /** The message with other bytes for its context; no tag holds any more, and none is asked for. */
  function withContext(bytes: Uint8Array): Buffer {
    const { bytes: message } = write(0x0478, { context: [] })
    return Buffer.concat([message.subarray(0, 35), u16(bytes.length), bytes, message.subarray(37)])
  }

  // spec: framework/structures.md#key-value-pair-count/1
  test('does not count no pairs', async () => {
    const { spy, envelope } = opener()
    const error = await refusal(() => envelope.decrypt(withContext(u16(0))))
    expect([error.code, spy.calls]).toEqual(['MALFORMED_MESSAGE', []])
    expect(error.message).toContain('no pairs')
  })

  // spec: framework/structures.md#key-value-pair-entries/1
  test('has no name twice', async () => {
    const { spy, envelope } = opener()
    for (const [first, second] of ['xx', 'xy'].map((values) => [...values])) {
      const bytes = formatPairs([
        ['a', first ?? ''],
        ['a', second ?? ''],
      ])
      const error = await refusal(() => envelope.decrypt(withContext(bytes)))
      expect([error.code, spy.calls]).toEqual(['MALFORMED_MESSAGE', []])
      expect(error.message).toContain('twice')
    }
  })
})

describe('a raw AES key', () => {
  const key = pattern(32, 8)
  const keys = rawAes({ namespace: 'ns', name: 'k1', key })
  const envelope = createEnvelope({ keys })
  const wrap = rawAesEntry(key, 'ns', 'k1')

  // spec: framework/raw-aes-keyring.md#ondecrypt/3
  // spec: framework/raw-aes-keyring.md#ondecrypt/17
  test('opens an entry that another implementation bound to the sorted context, however it stands in the header', async () => {
    const context: Pair[] = [
      ['\u{10000}', 'c'],
      ['\uffff', 'b'],
      ['a', 'a'],
    ]
    for (const keepsOrder of [false, true]) {
      const { bytes } = write(0x0478, { wrap, context, keepsOrder })
      expect(Object.keys((await envelope.decrypt(bytes)).context).sort()).toEqual(context.map(([name]) => name).sort())
    }
    await envelope.decrypt(write(0x0478, { wrap, context: [] }).bytes)
  })

  // spec: framework/raw-aes-keyring.md#ondecrypt/4
  test('is not asked where the context cannot be serialized with what was withheld', async () => {
    const half: Pair = ['a', 'x'.repeat(40_000)]
    const { bytes } = write(0x0478, { wrap, context: [half] })
    const opening = () => envelope.decrypt(bytes, { context: { b: half[1] }, withheld: ['b'] })
    expect(await codeOf(opening)).toBe('LIMIT_EXCEEDED')
  })

  // spec: framework/raw-aes-keyring.md#ondecrypt/5
  test('tries its entries in the order of the message, until one opens', async () => {
    const tries: Uint8Array[] = []
    const { unwrapDataKey, ...rest } = keys
    const spied = {
      ...rest,
      unwrapDataKey: async (...[request, call]: Parameters<NonNullable<typeof unwrapDataKey>>) => {
        tries.push(request.entry.ciphertext.slice())
        if (unwrapDataKey === undefined) throw new Error('a raw AES key unwraps')
        return unwrapDataKey(request, call)
      },
    }
    let sealed: readonly { readonly ciphertext: Uint8Array }[] = []
    const wrapThrice: MessageSpec['wrap'] = (dataKey, contextBytes) => {
      const entries = [rawAesEntry(pattern(32), 'ns', 'k1'), wrap, wrap].flatMap((by) => by(dataKey, contextBytes))
      sealed = entries
      return entries
    }
    const { bytes } = write(0x0478, { wrap: wrapThrice })
    await createEnvelope({ keys: spied }).decrypt(bytes)
    expect(tries.map((entry) => Buffer.from(entry))).toEqual(
      sealed.slice(0, 2).map(({ ciphertext }) => Buffer.from(ciphertext)),
    )
  })
})
