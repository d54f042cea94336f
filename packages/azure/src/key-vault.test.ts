import { createEnvelope, dataKeyCache, type EncryptedDataKey, inspect, type KeyProvider } from '@keyfold/core'
import type { KeyOperation } from '@keyfold/testing/azure/key-vault'
import { describe, expect, test, vi } from 'vitest'
import { type KeyVaultAlgorithm, type KeyVaultClients, keyVault } from './index.ts'
import { dataKeyOf, failureOf, optionsFor, plainContext, unhurried, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()
const each = ['RSA-OAEP-256', 'A256KW', 'A256GCM'] as const
const everyRight: readonly KeyOperation[] = [
  ...(['create', 'import', 'get', 'update', 'rotate', 'getRotationPolicy', 'setRotationPolicy'] as const),
  ...(['delete', 'recover', 'purge', 'wrapKey', 'unwrapKey', 'encrypt', 'decrypt'] as const),
]

async function wrapped(key: KeyProvider): Promise<{ readonly entry: EncryptedDataKey; readonly bytes: Uint8Array }> {
  const { dataKey, bytes } = dataKeyOf(32)
  const entry = await key.wrapDataKey?.({ dataKey, ...plainContext }, unhurried)
  if (entry === undefined) throw new Error('it wraps')
  return { entry, bytes }
}

function unwrapped(key: KeyProvider, entry: EncryptedDataKey): Promise<unknown> {
  const opening = key.unwrapDataKey?.({ entry, length: 32, ...plainContext }, unhurried)
  if (opening === undefined) throw new Error('it unwraps')
  return opening.then(({ bytes }) => bytes)
}

const infoOf = ({ providerInfo }: EncryptedDataKey): string => new TextDecoder().decode(providerInfo)
const pathsOf = (algorithm?: KeyVaultAlgorithm): readonly string[] =>
  fixture.service(algorithm).log.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`)

describe.each(each)('an entry of %s', (algorithm) => {
  test('names the version that the service used, also after a rotation, and opens with that one', async () => {
    const { keys, baseUrl } = fixture.service(algorithm)
    const [key, name] = [fixture.key('orders', { algorithm }), 'orders']
    const before = keys.version(name).version
    const first = await wrapped(key)
    const after = keys.rotate(name).version
    const second = await wrapped(key)
    expect([infoOf(first.entry), infoOf(second.entry)]).toEqual([
      `${baseUrl}/keys/orders/${before}#${algorithm}`,
      `${baseUrl}/keys/orders/${after}#${algorithm}`,
    ])
    for (const { entry, bytes } of [first, second]) expect(await unwrapped(key, entry)).toEqual(bytes)
  })

  test('takes two requests the first time, of which one is the challenge, and one from then on', async () => {
    const key = fixture.key('orders', { algorithm })
    const operation = algorithm === 'A256GCM' ? 'encrypt' : 'wrapkey'
    await wrapped(key)
    await wrapped(key)
    expect(pathsOf(algorithm)).toEqual(Array(3).fill(`POST /keys/orders//${operation}`))
    expect(fixture.service(algorithm).log.requests.map(({ token }) => token)).toEqual([
      undefined,
      'test-token',
      'test-token',
    ])
  })

  test('needs the two rights to seal and to open, and no other, not even to read the key', async () => {
    const service = fixture.service(algorithm)
    const rights = algorithm === 'A256GCM' ? (['encrypt', 'decrypt'] as const) : (['wrapKey', 'unwrapKey'] as const)
    service.deny(everyRight.filter((right) => !rights.some((one) => one === right)))
    const key = fixture.key('orders', { algorithm })
    const { entry, bytes } = await wrapped(key)
    expect(await unwrapped(key, entry)).toEqual(bytes)
    service.deny(rights)
    const failures = [await failureOf(wrapped(key)), await failureOf(unwrapped(key, entry))]
    expect(failures).toMatchObject([{ code: 'ACCESS_DENIED' }, { code: 'ACCESS_DENIED' }])
  })

  test('opens after its version has expired, when it seals no more', async () => {
    const { keys } = fixture.service(algorithm)
    const name = `expiring-${algorithm}`
    const version = keys.create(name, algorithm === 'RSA-OAEP-256' ? { kty: 'RSA' } : { kty: 'oct-HSM' })
    const key = fixture.key(name, { algorithm })
    const { entry, bytes } = await wrapped(key)
    version.exp = keys.seconds() - 1
    expect(await unwrapped(key, entry)).toEqual(bytes)
    expect(await failureOf(wrapped(key))).toMatchObject({ code: 'KEY_DISABLED' })
  })
})

describe('a key with a version in its URL', () => {
  test('seals with that version, and opens with every version of the key', async () => {
    const { keys, baseUrl } = fixture.service()
    const { version } = keys.version('orders')
    keys.rotate('orders')
    const newer = await wrapped(fixture.key('orders'))
    const pinned = fixture.key(`orders/${version}`)
    expect(infoOf((await wrapped(pinned)).entry)).toBe(`${baseUrl}/keys/orders/${version}#RSA-OAEP-256`)
    expect(await unwrapped(pinned, newer.entry)).toEqual(newer.bytes)
  })
})

describe('an answer', () => {
  test('that names another version than the URL is not believed', async () => {
    const { keys, baseUrl, log } = fixture.service()
    const [first, second] = [keys.version('orders').version, keys.rotate('orders').version]
    const body = { kid: `${baseUrl}/keys/orders/${second}`, value: 'AAAA' }
    log.fault({ kind: 'answer', status: 200, body })
    expect(await failureOf(wrapped(fixture.key(`orders/${first}`)))).toMatchObject({ code: 'UNKNOWN' })
  })

  test.each(['/keys/other//wrapkey?api-version=7.4', 'https://localhost:1/keys/orders'])(
    'that leads to %s is not followed',
    async (location) => {
      const { log } = fixture.service()
      log.fault({ kind: 'answer', status: 307, headers: { location } }, { times: 1 })
      expect(await failureOf(wrapped(fixture.key('orders')))).toMatchObject({ code: 'UNKNOWN' })
      expect(log.requests).toHaveLength(2) // the challenge, and the one that was led elsewhere
    },
  )

  test.each([
    ['another key', (kid: string) => kid.replace('orders', 'other')],
    ['another vault', (kid: string) => kid.replace('127.0.0.1', 'localhost')],
    ['no version', (kid: string) => kid.replace(/\/[0-9a-f]{32}$/, '')],
    ['another identifier', () => 'orders'],
  ])('that names %s is not believed', async (_, rewrite) => {
    const kid = `${fixture.server().vaultUrl}/keys/orders/${fixture.service().keys.version('orders').version}`
    fixture.service().log.fault({ kind: 'answer', status: 200, body: { kid: rewrite(kid), value: 'AAAA' } })
    expect(await failureOf(wrapped(fixture.key('orders')))).toMatchObject({ code: 'UNKNOWN', retryable: false })
  })

  test('of an iv that is not 12 bytes long makes no entry', async () => {
    const { keys, baseUrl, log } = fixture.service('A256GCM')
    const kid = `${baseUrl}/keys/orders/${keys.version('orders').version}`
    const [value, tag] = ['A'.repeat(43), 'A'.repeat(22)]
    log.fault({ kind: 'answer', status: 200, body: { kid, value, tag, iv: 'AAAA' } })
    expect(await failureOf(wrapped(fixture.key('orders', { algorithm: 'A256GCM' })))).toMatchObject({ code: 'UNKNOWN' })
  })
})

describe('a header', () => {
  const version = '0'.repeat(32)
  test.each([
    ['another vault', () => `https://other.vault.azure.net/keys/orders/${version}#RSA-OAEP-256`],
    [
      'a host that ends in the configured one',
      (url: string) => `https://x.${url.slice(8)}/keys/orders/${version}#RSA-OAEP-256`,
    ],
    ['the managed HSM', () => `${fixture.server().hsmUrl}/keys/orders/${version}#RSA-OAEP-256`],
    ['another key', (url: string) => `${url}/keys/other/${version}#RSA-OAEP-256`],
    ['another algorithm', (url: string) => `${url}/keys/orders/${version}#RSA1_5`],
    ['two algorithms', (url: string) => `${url}/keys/orders/${version}#RSA-OAEP-256#RSA1_5`],
    ['no version', (url: string) => `${url}/keys/orders#RSA-OAEP-256`],
    ['a version that is none', (url: string) => `${url}/keys/orders/../../secrets#RSA-OAEP-256`],
    ['an encoded path', (url: string) => `${url}/keys/orders%2f..%2fother/${version}#RSA-OAEP-256`],
    ['a query', (url: string) => `${url}/keys/orders/${version}?x=1#RSA-OAEP-256`],
    ['a user', (url: string) => `https://u@${url.slice(8)}/keys/orders/${version}#RSA-OAEP-256`],
    ['plain http', (url: string) => `${url.replace('https', 'http')}/keys/orders/${version}#RSA-OAEP-256`],
    ['bytes that are no UTF-8', (url: string) => `${url}/keys/orders/${version}#RSA-OAEP-256\u{ff}`],
  ])('that names %s causes no call', async (_, info) => {
    const key = fixture.key('orders')
    const text = info(fixture.server().vaultUrl)
    const providerInfo = Uint8Array.from(Buffer.from(text, 'latin1'))
    const entry = { providerId: 'azure-keyvault', providerInfo, ciphertext: new Uint8Array(256) }
    expect(key.accepts(entry)).toBe(false)
    expect(await failureOf(unwrapped(key, entry))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(fixture.service().log.requests).toEqual([])
    expect(fixture.service('A256GCM').log.requests).toEqual([])
  })

  test('that names the key in other letters is of the same key, as for the service', async () => {
    const key = fixture.key('ORDERS')
    const { entry, bytes } = await wrapped(fixture.key('orders'))
    expect(key.accepts(entry)).toBe(true)
    expect(await unwrapped(key, entry)).toEqual(bytes)
  })
})

test.each([
  ['RSA-OAEP-256', [0, 1, 255, 513]],
  ['A256KW', [0, 32, 39, 41]],
  ['A256GCM', [0, 28, 59, 61]],
] as const)('no call is made for a ciphertext of %s that cannot be one', async (algorithm, lengths) => {
  const { keys, baseUrl, log } = fixture.service(algorithm)
  const kid = `${baseUrl}/keys/orders/${keys.version('orders').version}`
  const providerInfo = new TextEncoder().encode(`${kid}#${algorithm}`)
  for (const length of lengths) {
    const entry = { providerId: 'azure-keyvault', providerInfo, ciphertext: new Uint8Array(length) }
    const failed = await failureOf(unwrapped(fixture.key('orders', { algorithm }), entry))
    expect(failed).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  }
  expect(log.requests).toEqual([])
})

describe('in messages', () => {
  test('a thousand cold encryptions with a cache make one call', async () => {
    const cache = dataKeyCache({ maxAgeMs: 60_000 })
    const envelope = createEnvelope({ keys: fixture.key('orders'), cache })
    const sealed = await Promise.all(Array.from({ length: 1000 }, (_, n) => envelope.encrypt(Uint8Array.of(n))))
    expect(fixture.service().log.requests.filter(({ token }) => token !== undefined)).toHaveLength(1)
    expect(new Set(sealed.map((message) => String(inspect(message).messageId))).size).toBe(1000)
  })

  test('a message opens with its context, and says whether its writer was authenticated', async () => {
    for (const algorithm of each) {
      const envelope = createEnvelope({ keys: fixture.key('orders', { algorithm }) })
      const sealed = await envelope.encrypt(Uint8Array.of(1, 2), { context: { tenant: 't-42' } })
      const { plaintext, openedBy } = await envelope.decrypt(sealed, { context: { tenant: 't-42' } })
      expect([plaintext, openedBy.authenticatesWriter]).toEqual([Uint8Array.of(1, 2), algorithm !== 'RSA-OAEP-256'])
    }
  })
})

describe("the client's memory", () => {
  test.each(each)('keeps no plaintext of %s that it handed out', async (algorithm) => {
    const { CryptographyClient } = await import('@azure/keyvault-keys')
    const method = algorithm === 'A256GCM' ? 'decrypt' : 'unwrapKey'
    const spy = vi.spyOn(CryptographyClient.prototype, method)
    try {
      const key = fixture.key('orders', { algorithm })
      const { entry, bytes } = await wrapped(key)
      expect(await unwrapped(key, entry)).toEqual(bytes)
      const answer: unknown = await spy.mock.results[0]?.value
      expect(answer).toMatchObject({ result: Buffer.alloc(32) })
    } finally {
      spy.mockRestore()
    }
  })

  test.each(each)('gets a copy of the data key with %s, which is wiped after', async (algorithm) => {
    const { CryptographyClient } = await import('@azure/keyvault-keys')
    const method = algorithm === 'A256GCM' ? 'encrypt' : 'wrapKey'
    using spy = vi.spyOn(CryptographyClient.prototype, method)
    const { dataKey, bytes } = dataKeyOf(32)
    const key = fixture.key('orders', { algorithm })
    const entry = await key.wrapDataKey?.({ dataKey, ...plainContext }, unhurried)
    const given: readonly unknown[] = spy.mock.calls[0] ?? []
    expect(algorithm === 'A256GCM' ? Object(given[0]).plaintext : given[1]).toEqual(new Uint8Array(32))
    expect(dataKey.bytes).toEqual(bytes)
    expect(entry && (await unwrapped(key, entry))).toEqual(bytes)
  })

  test('holds no more than sixteen clients, however many versions messages name', async () => {
    const { CryptographyClient } = await import('@azure/keyvault-keys')
    const { credential, clientOptions = {}, hosts } = optionsFor(fixture.server())
    const made: string[] = []
    const cryptography: KeyVaultClients['cryptography'] = (key) => {
      made.push(key.id ?? '')
      if (credential === undefined) throw new Error('there is one')
      return new CryptographyClient(key, credential, { ...clientOptions })
    }
    const key = keyVault(`${fixture.server().vaultUrl}/keys/orders`, {
      hosts,
      client: { cryptography },
    })
    const entryOf = (n: number): EncryptedDataKey => {
      const id = `${fixture.server().vaultUrl}/keys/orders/${n.toString(16).padStart(32, '0')}`
      const providerInfo = new TextEncoder().encode(`${id}#RSA-OAEP-256`)
      return { providerId: 'azure-keyvault', providerInfo, ciphertext: new Uint8Array(256) }
    }
    for (const n of [...Array(17).keys(), 16, 0]) await failureOf(unwrapped(key, entryOf(n)))
    expect(made).toHaveLength(18) // the first one was dropped for the seventeenth, and made again
    expect(key.describe).toBeUndefined()
  })
})
