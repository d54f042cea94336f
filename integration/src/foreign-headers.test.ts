/* A header is whoever's: what it names is compared with what is configured, and nothing else is ever asked. */
import { anyOf, createEnvelope, type EncryptedDataKey, type KeyProvider } from '@keyfold/core'
import { type FaultProxy, startFaultProxy } from '@keyfold/testing/fault-proxy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ProviderId, providerIds, useFourKeys } from './four-keys.test-support.ts'
import { failureOf, plaintext } from './messages.test-support.ts'

const four = useFourKeys()

/** Somebody's server, which a header may name: whatever came would be counted. */
let elsewhere: FaultProxy
beforeAll(async () => {
  elsewhere = await startFaultProxy({ target: 'tcp://127.0.0.1:9' })
})
afterAll(() => elsewhere[Symbol.asyncDispose]())

/** How the info of a configured key's entry becomes that of one which is not configured. */
const foreign: readonly (readonly [ProviderId, string, (info: string) => string])[] = [
  ['aws-kms', 'key', (arn) => arn.replace(/\/.*/, '/12345678-1234-1234-1234-123456789012')],
  ['aws-kms', 'account', (arn) => arn.replace(/:\d{12}:/, ':999988887777:')],
  ['aws-kms', 'Region', (arn) => arn.replace(':eu-west-1:', ':us-east-1:')],
  ['aws-kms', 'partition', (arn) => arn.replace('arn:aws:', 'arn:aws-cn:')],
  ['gcp-kms', 'project', (name) => name.replace('test-project', 'other-project')],
  ['gcp-kms', 'location', (name) => name.replace('/europe/', '/us/')],
  ['gcp-kms', 'key ring', (name) => name.replace('/main/', '/other/')],
  ['gcp-kms', 'key', (name) => name.replace('/orders/', '/other/')],
  ['azure-keyvault', 'vault', (kid) => kid.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${elsewhere.port}`)],
  ['azure-keyvault', 'key', (kid) => kid.replace('/orders/', '/other/')],
  ['azure-keyvault', 'algorithm', (kid) => kid.replace('#RSA-OAEP-256', '#RSA-OAEP')],
  ['vault-transit', 'key', () => 'transit/other'],
  ['vault-transit', 'mount', () => 'other/orders'],
  ['vault-transit', 'namespace', () => 'team/transit/orders'],
  ['vault-transit', 'host', () => `http://127.0.0.1:${elsewhere.port}/transit/orders`],
]

/** Seals with the key, and writes another's name into the entry. */
function misnamed(key: KeyProvider, rename: (info: string) => string): KeyProvider {
  const { generateDataKey: _, wrapDataKey, ...rest } = key
  return {
    ...rest,
    async wrapDataKey(request, options): Promise<EncryptedDataKey> {
      const entry = await wrapDataKey?.(request, options)
      if (entry === undefined) throw new Error('it does not wrap')
      const own = new TextDecoder().decode(entry.providerInfo)
      const named = rename(own)
      expect(named).not.toBe(own)
      return { ...entry, providerInfo: new TextEncoder().encode(named) }
    },
  }
}

/** What has come anywhere. */
function arrivals(): readonly number[] {
  const proxies = [elsewhere, ...four.but().map(({ proxy }) => proxy)]
  return proxies.flatMap(({ connections, requests }) => [connections, requests.length])
}

describe.each(foreign)('an entry of %s that names another %s', (id, _, rename) => {
  test('causes no call, whether that key is configured alone or with three others', async () => {
    const { key } = four.of(id)
    const sealed = await createEnvelope({ keys: misnamed(key, rename) }).encrypt(plaintext)
    const before = arrivals()
    for (const keys of [key, anyOf(four.keys())]) {
      const error = await failureOf(createEnvelope({ keys }).decrypt(sealed))
      expect(error.code).toBe('NO_USABLE_KEY')
      expect(error.message).toContain(`"${id}"`)
    }
    expect(arrivals()).toEqual(before)
  })
})

test('a header of four such entries causes no call, and the error names the four provider ids', async () => {
  const first = (id: ProviderId): ((info: string) => string) => foreign.find(([one]) => one === id)?.[2] ?? String
  const strangers = providerIds.map((id) => misnamed(four.of(id).key, first(id)))
  const sealed = await createEnvelope({ keys: anyOf(strangers) }).encrypt(plaintext)
  const before = arrivals()
  const error = await failureOf(createEnvelope({ keys: anyOf(four.keys()) }).decrypt(sealed))
  expect(error).toMatchObject({ code: 'NO_USABLE_KEY', attempts: [] })
  for (const id of providerIds) expect(error.message).toContain(`"${id}"`)
  expect(arrivals()).toEqual(before)
})

test('one such entry beside a good one is passed over', async () => {
  const [first, second] = [four.of('aws-kms').key, four.of('gcp-kms').key]
  const stranger = misnamed(first, (arn) => arn.replace(':eu-west-1:', ':us-east-1:'))
  const sealed = await createEnvelope({ keys: anyOf(stranger, second) }).encrypt(plaintext)
  const asked = four.of('aws-kms').proxy.requests.length
  const { openedBy } = await createEnvelope({ keys: anyOf(first, second) }).decrypt(sealed)
  expect(openedBy.providerId).toBe('gcp-kms')
  expect(four.of('aws-kms').proxy.requests.length).toBe(asked)
})
