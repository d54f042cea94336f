/* What a cache saves is counted where requests arrive: at the proxy before each service. */
import { anyOf, createEnvelope, dataKeyCache, inspect, type KeyProvider, type Keyring } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { providerIds, useFourKeys } from './four-keys.test-support.ts'
import { context, plaintext } from './messages.test-support.ts'
import { dataKeyCalls, type ServedKey } from './served-key.test-support.ts'

const four = useFourKeys()

/** As many messages at once, and how many of each outcome came of them. */
async function thousand(encrypt: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const settled = await Promise.allSettled(Array.from({ length: 1000 }, encrypt))
  const outcomes = settled.map((one) => (one.status === 'fulfilled' ? 'sealed' : one.reason.code))
  return Object.fromEntries([...new Set(outcomes)].map((name) => [name, outcomes.filter((one) => one === name).length]))
}

function cachingEncrypt(keys: KeyProvider | Keyring): () => Promise<Uint8Array> {
  const envelope = createEnvelope({ keys, cache: dataKeyCache({ maxAgeMs: 60_000 }) })
  return () => envelope.encrypt(plaintext, { context })
}

/** Counts from now on. */
function callsSince(served: ServedKey): () => number {
  const before = dataKeyCalls(served)
  return () => dataKeyCalls(served) - before
}

describe.each(providerIds)('1,000 messages at once under the key of %s', (id) => {
  test('make one data-key call, and those after them none', async () => {
    const calls = callsSince(four.of(id))
    const encrypt = cachingEncrypt(four.of(id).key)
    expect(await thousand(encrypt)).toEqual({ sealed: 1000 })
    expect(calls()).toBe(1)
    expect(await thousand(encrypt)).toEqual({ sealed: 1000 })
    expect(calls()).toBe(1)
  })

  test('all fail with a call that is denied, and the next 1,000 make one more', async () => {
    const { key, proxy, denial, isDataKeyCall } = four.of(id)
    const encrypt = cachingEncrypt(key)
    const calls = callsSince(four.of(id))
    proxy.fault(denial, { when: isDataKeyCall })
    expect(await thousand(encrypt)).toEqual({ ACCESS_DENIED: 1000 })
    expect(calls()).toBe(1)
    proxy.recover()
    expect(await thousand(encrypt)).toEqual({ sealed: 1000 })
    expect(calls()).toBe(2)
  })
})

describe('under four keys', () => {
  test('1,000 messages at once make one data-key call on each service', async () => {
    const calls = four.but().map(callsSince)
    expect(await thousand(cachingEncrypt(anyOf(four.keys())))).toEqual({ sealed: 1000 })
    expect(calls.map((count) => count())).toEqual([1, 1, 1, 1])
  })

  test.each(providerIds)(
    'a data key without an entry of %s, which is silent, is not kept: the next one is',
    async (id) => {
      const keys = anyOf(four.keys(), { require: 3 })
      const envelope = createEnvelope({ keys, cache: dataKeyCache({ maxAgeMs: 60_000 }), callTimeoutMs: 1500 })
      const recipients = async (): Promise<readonly string[]> => {
        const { encryptedDataKeys } = inspect(await envelope.encrypt(plaintext, { context }))
        return encryptedDataKeys.map(({ providerId }) => providerId)
      }
      await createEnvelope({ keys: anyOf(four.keys()) }).encrypt(plaintext) // every client is loaded and connected
      const others = four.but(id)
      const calls = others.map(callsSince)

      four.of(id).proxy.fault({ kind: 'black-hole' })
      expect(await recipients()).toEqual(providerIds.filter((one) => one !== id))
      expect(calls.map((count) => count())).toEqual([1, 1, 1])
      four.of(id).proxy.recover()
      expect(await recipients()).toEqual(providerIds)
      expect(calls.map((count) => count())).toEqual([2, 2, 2])
      expect(await recipients()).toEqual(providerIds)
      expect(calls.map((count) => count())).toEqual([2, 2, 2])
    },
  )
})
