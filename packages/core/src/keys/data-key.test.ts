import { afterEach, describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { canSeal, generateDataKey, unwrapDataKey, wrapDataKey } from './data-key.ts'
import { bound, canary, canaryIn, entryOf, providerOf, unwraps, watched, wraps } from './doubles.test-support.ts'
import type { GeneratedDataKey, KeyProvider } from './key-provider.ts'

const handedOut: SecretBytes[] = []
afterEach(() => void handedOut.splice(0))

/** A secret to look at afterwards. */
function secret(bytes: Uint8Array): SecretBytes {
  const made = SecretBytes.from(bytes)
  handedOut.push(made)
  return made
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const generates = (answer: GeneratedDataKey) => providerOf('p', { generateDataKey: async () => answer })
const generate = (provider: KeyProvider, length = 32, conditions = watched()) =>
  generateDataKey(provider, { length, ...bound }, conditions)
const unwrap = (provider: KeyProvider, length = 32, conditions = watched()) =>
  unwrapDataKey(provider, { entry: entryOf('p', canary(length)), length, ...bound }, conditions)

/** Entries with a field that its two-byte length cannot say, or that is no UTF-8. */
const badEntries: Record<string, EncryptedDataKey> = {
  info: { providerId: 'p', providerInfo: new Uint8Array(65536), ciphertext: new Uint8Array(32) },
  ciphertext: { providerId: 'p', providerInfo: new Uint8Array(1), ciphertext: new Uint8Array(65536) },
  id: { providerId: 'p'.repeat(65536), providerInfo: new Uint8Array(1), ciphertext: new Uint8Array(32) },
  wideId: { providerId: '€'.repeat(21846), providerInfo: new Uint8Array(1), ciphertext: new Uint8Array(32) },
  surrogate: { providerId: '\ud800', providerInfo: new Uint8Array(1), ciphertext: new Uint8Array(32) },
}

/** What plain JavaScript may hand out in place of an entry. */
const noEntries: readonly unknown[] = [
  undefined,
  null,
  {},
  'entry',
  { ...entryOf('p', pattern(32)), ciphertext: 'text' },
]

describe('a new data key', () => {
  // spec: framework/keyring-interface.md#onencrypt/2
  // spec: framework/keyring-interface.md#generate-data-key/3
  test("is the provider's own where it makes them, given length and context", async () => {
    const requests: unknown[] = []
    const dataKey = secret(canary())
    const provider = providerOf('p', {
      async generateDataKey(request) {
        requests.push(request)
        return { dataKey, entry: entryOf('p', canary()) }
      },
    })
    expect(await generate(provider)).toEqual({ dataKey, entry: entryOf('p', canary()) })
    expect(requests).toEqual([{ length: 32, ...bound }])
    expect(dataKey.released).toBe(false)
  })

  // spec: framework/keyring-interface.md#generate-data-key/1
  // spec: framework/keyring-interface.md#generate-data-key/4
  // spec: framework/keyring-interface.md#generate-data-key/5
  // spec: framework/structures.md#plaintext-data-key/1
  test.each([16, 24, 32])(
    'of %i bytes is drawn at random, and wrapped, where the provider only wraps',
    async (length) => {
      const seen = new Set<string>()
      for (let round = 0; round < 20; round++) {
        const { dataKey, entry } = await generate(providerOf('p', wraps('p')), length)
        expect(dataKey.length).toBe(length)
        expect(entry).toEqual(entryOf('p', dataKey.bytes))
        seen.add(Buffer.from(dataKey.bytes).toString('hex'))
      }
      expect(seen.size).toBe(20)
    },
  )

  // spec: framework/keyring-interface.md#generate-data-key/4
  // spec: framework/cmm-interface.md#get-encryption-materials/9
  // spec: framework/cmm-interface.md#get-encryption-materials/12
  test.each([0, 16, 24, 31, 33, 64])('of %i bytes for 32 is refused as another key, and wiped', async (length) => {
    const dataKey = secret(pattern(length, 9))
    const error = await refusal(() => generate(generates({ dataKey, entry: entryOf('p', pattern(32)) })))
    expect(error.code).toBe('AUTHENTICATION_FAILED')
    expect(error.message).toContain(`${length} bytes`)
    expect(dataKey.released).toBe(true)
  })

  test.each(Object.keys(badEntries))(
    'with an entry that the format cannot hold (%s) is refused and wiped',
    async (name) => {
      const entry = badEntries[name] as EncryptedDataKey // a key of the table
      const dataKey = secret(canary())
      const error = await refusal(() => generate(generates({ dataKey, entry })))
      expect(error.code).toBe('UNKNOWN')
      expect(canaryIn(error)).toEqual([])
      expect(dataKey.released).toBe(true)
      expect(await codeOf(() => generate(providerOf('p', { wrapDataKey: async () => entry })))).toBe('UNKNOWN')
    },
  )

  test('has an entry of the longest fields that the format can hold', async () => {
    const entry = {
      providerId: 'p'.repeat(21845),
      providerInfo: new Uint8Array(65535),
      ciphertext: new Uint8Array(65535),
    }
    expect((await generate(generates({ dataKey: secret(canary()), entry }))).entry).toBe(entry)
  })

  test.each(noEntries.map((entry, at) => [at, entry]))(
    'without a whole entry (%i) is refused with a KeyfoldError',
    async (_, entry) => {
      const dataKey = secret(canary())
      const answer = { dataKey, entry } as GeneratedDataKey // what plain JavaScript may hand out
      expect(await codeOf(() => generate(generates(answer)))).toMatch(/UNKNOWN|UNSUPPORTED/)
      expect(dataKey.released).toBe(true)
      const wrapped = providerOf('p', { wrapDataKey: async () => entry as EncryptedDataKey }) // likewise
      expect(await codeOf(() => generate(wrapped))).toMatch(/UNKNOWN|UNSUPPORTED/)
    },
  )

  // spec: framework/multi-keyring.md#generator-keyring/2
  // spec: framework/multi-keyring.md#onencrypt/5
  // spec: framework/cmm-interface.md#get-encryption-materials/11
  test('is demanded: a provider that answers without one is refused with a KeyfoldError', async () => {
    for (const answer of [
      undefined,
      {},
      { entry: entryOf('p', canary()) },
      { dataKey: canary(), entry: entryOf('p', canary()) },
    ]) {
      const provider = generates(answer as GeneratedDataKey) // what plain JavaScript may hand out
      expect(await codeOf(() => generate(provider))).toMatch(/UNKNOWN|UNSUPPORTED/)
    }
  })

  test('that was drawn is wiped where it cannot be wrapped', async () => {
    const seen: SecretBytes[] = []
    const provider = providerOf('p', {
      async wrapDataKey({ dataKey }) {
        seen.push(dataKey)
        throw new KeyfoldError('ACCESS_DENIED', 'no')
      },
    })
    expect(await codeOf(() => generate(provider))).toBe('ACCESS_DENIED')
    expect(seen.map(({ released }) => released)).toEqual([true])
  })

  test('that comes too late is wiped', async () => {
    const { promise, resolve } = Promise.withResolvers<GeneratedDataKey>()
    const conditions = watched()
    const code = codeOf(() => generate(providerOf('p', { generateDataKey: () => promise }), 32, conditions))
    await settled()
    conditions.clock.advance(10_000)
    expect(await code).toBe('TIMEOUT')
    const dataKey = secret(canary())
    resolve({ dataKey, entry: entryOf('p', canary()) })
    await settled()
    expect(dataKey.released).toBe(true)
  })

  test('is an event, and not where it failed', async () => {
    const conditions = watched()
    const provider = providerOf('p', {
      async wrapDataKey({ dataKey }) {
        conditions.clock.advance(7)
        return entryOf('p', dataKey.bytes)
      },
    })
    await generate(provider, 32, conditions)
    expect(conditions.events).toEqual([{ type: 'data-key-generated', provider: 'p', providerId: 'p', durationMs: 7 }])
    const failing = watched()
    await refusal(() => generate(providerOf('p', { wrapDataKey: () => Promise.reject(new Error('x')) }), 32, failing))
    expect(failing.events.map(({ type }) => type)).toEqual(['provider-failed'])
  })
})

describe('a data key for a further recipient', () => {
  test('is wrapped, told as an event, and neither kept nor released', async () => {
    const conditions = watched()
    const dataKey = secret(canary())
    const entry = await wrapDataKey(providerOf('p', wraps('p')), { dataKey, ...bound }, conditions)
    expect(entry).toEqual(entryOf('p', canary()))
    expect(dataKey.released).toBe(false)
    expect(conditions.events).toEqual([{ type: 'data-key-wrapped', provider: 'p', providerId: 'p', durationMs: 0 }])
  })

  test('is not wrapped by a provider that cannot, or throws before it promises', async () => {
    const request = { dataKey: secret(canary()), ...bound }
    expect(await codeOf(() => wrapDataKey(providerOf('p', {}), request, watched()))).toBe('UNSUPPORTED')
    const throws = (): never => {
      throw new RangeError('at once')
    }
    const error = await refusal(() => wrapDataKey(providerOf('p', { wrapDataKey: throws }), request, watched()))
    expect([error.code, error.message]).toEqual(['UNKNOWN', 'p: wrapDataKey failed with a RangeError'])
    expect(canaryIn(error)).toEqual([])
  })
})

describe('an unwrapped data key', () => {
  test.each([16, 24, 32])("of %i bytes is the caller's", async (length) => {
    const dataKey = await unwrap(providerOf('p', unwraps()), length)
    expect(dataKey.bytes).toEqual(canary(length))
    expect(dataKey.released).toBe(false)
  })

  // spec: framework/cmm-interface.md#decrypt-materials/13
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/4
  // spec: framework/transitive-requirements.md#hkdf-commit-key/4
  // spec: framework/structures.md#plaintext-data-key/4
  test.each([0, 16, 24, 31, 33, 64])('of %i bytes for 32 is refused as another key, and wiped', async (length) => {
    const dataKey = secret(pattern(length, 9))
    expect(await codeOf(() => unwrap(providerOf('p', { unwrapDataKey: async () => dataKey })))).toBe(
      'AUTHENTICATION_FAILED',
    )
    expect(dataKey.released).toBe(true)
  })

  test('that comes too late is wiped', async () => {
    const caller = new AbortController()
    const { promise, resolve } = Promise.withResolvers<SecretBytes>()
    const code = codeOf(() => unwrap(providerOf('p', { unwrapDataKey: () => promise }), 32, watched(caller.signal)))
    await settled()
    caller.abort()
    expect(await code).toBe('ABORTED')
    const dataKey = secret(canary())
    resolve(dataKey)
    await settled()
    expect(dataKey.released).toBe(true)
  })

  // spec: framework/cmm-interface.md#decrypt-materials/15
  test('is demanded: a provider that answers without one is refused with a KeyfoldError', async () => {
    expect(await codeOf(() => unwrap(providerOf('p', {})))).toBe('UNSUPPORTED')
    for (const answer of [undefined, null, canary(), 'key', {}]) {
      const provider = providerOf('p', { unwrapDataKey: async () => answer as SecretBytes }) // what plain JavaScript may hand out
      expect(await codeOf(() => unwrap(provider)), String(answer)).toMatch(/UNKNOWN|UNSUPPORTED/)
    }
  })
})

test('a provider seals that wraps or generates', () => {
  expect(canSeal(providerOf('p', {}))).toBe(false)
  expect(canSeal(providerOf('p', unwraps()))).toBe(false)
  expect(canSeal(providerOf('p', wraps('p')))).toBe(true)
  expect(canSeal(generates({ dataKey: secret(canary()), entry: entryOf('p', canary()) }))).toBe(true)
})
