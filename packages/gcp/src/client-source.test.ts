// The client that Keyfold makes by itself: one for all, until nobody needs it. No request leaves: there is a key file, and no call.
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { createEnvelope } from '@keyfold/core'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { cloudKmsClient } from '@keyfold/testing/gcp/cloud-kms-client'
import { OAuth2Client } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { givenClient, sharedClient, sharedClients } from './client-source.ts'
import { answering, hasty, keyName, startSetting, unwrapWith, wrapWith } from './cloud-kms.test-support.ts'
import { cloudKmsProvider } from './cloud-kms.ts'
import { type CloudKmsClient, startClient } from './cloud-kms-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-gcp-'))
const file = join(folder, 'credentials.json')
beforeAll(() => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const account = { type: 'service_account', client_email: 'test@example.com', private_key: privateKey }
  writeFileSync(file, JSON.stringify({ ...account, project_id: 'test-project', token_uri: 'http://127.0.0.1:1/' }))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const isClosed = async (client: Awaited<ReturnType<ReturnType<typeof sharedClient>['get']>>): Promise<boolean> => {
  const failure: unknown = await client.innerApiCalls['getCryptoKey']?.(
    { name: 'x' },
    { timeout: 1, retry: null },
  ).catch((error: unknown) => error)
  return /already been closed/.test(String(failure))
}

test('providers of a transport share one client, which the last one closes', async () => {
  const [one, two, rest] = [sharedClient('grpc'), sharedClient('grpc'), sharedClient('rest')]
  const [first, again, second, overRest] = await Promise.all([one.get(), one.get(), two.get(), rest.get()])
  expect(again).toBe(first)
  expect(second).toBe(first)
  expect(overRest).not.toBe(first)
  await one.close()
  await one.close()
  expect(await isClosed(first)).toBe(false)
  await two.close()
  expect(await isClosed(first)).toBe(true)
  const anew = await two.get()
  expect(anew).not.toBe(first)
  expect(await isClosed(anew)).toBe(false)
  await Promise.all([two.close(), rest.close()])
})

test('a start that failed is not remembered', async () => {
  const source = sharedClient('rest')
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder, 'missing.json'))
  await expect(source.get()).rejects.toThrow()
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  expect(await source.get()).toBeDefined()
  await source.close()
})

describe('a client on which nothing came back', () => {
  /** A service behind a proxy, and a source that counts how often it starts a client. */
  async function startSilenced(start = startAt) {
    const server = await startCloudKms()
    server.model.createKey(keyName)
    const proxy = await startFaultProxy({ target: `tcp://${server.address}` })
    let starts = 0
    const source = sharedClients(() => start(proxy.port, ++starts))('grpc')
    return {
      server,
      proxy,
      provider: cloudKmsProvider(keyName, source, hasty),
      starts: () => starts,
      /** The connection that there is hands nothing on any more. */
      silence: () => void proxy.fault({ kind: 'black-hole' }, { times: 1 }),
      async [Symbol.asyncDispose]() {
        await source.close()
        await proxy[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }
  const startAt = (port: number, _start: number): Promise<CloudKmsClient> => {
    const place = { apiEndpoint: '127.0.0.1', port, projectId: 'test-project', authClient: new OAuth2Client() }
    return startClient('grpc', { ...place, sslCreds: credentials.createInsecure() })
  }

  test('is left with its connection, and the next try has another', async () => {
    await using silenced = await startSilenced()
    const entry = await wrapWith(silenced.provider)
    silenced.silence()
    expect((await unwrapWith(silenced.provider, entry)).length).toBe(32)
    expect([silenced.proxy.connections, silenced.starts()]).toEqual([2, 2])
  }, 30_000)

  test('is left too where the call had less time than a try', async () => {
    await using silenced = await startSilenced()
    const envelope = createEnvelope({ keys: silenced.provider, callTimeoutMs: 1000 })
    await envelope.encrypt(new Uint8Array(1))
    silenced.silence()
    await expect(envelope.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'TIMEOUT' })
    await envelope.encrypt(new Uint8Array(1))
    expect([silenced.proxy.connections, silenced.starts()]).toEqual([2, 2])
  }, 30_000)

  test('is left again where the next one has answered and falls silent, not where that one is silent from the start', async () => {
    await using silenced = await startSilenced()
    const envelope = createEnvelope({ keys: silenced.provider, callTimeoutMs: 1000 })
    const encrypt = () =>
      envelope.encrypt(new Uint8Array(1)).then(
        () => 'done',
        ({ code }) => code,
      )
    expect(await encrypt()).toBe('done')
    for (const starts of [2, 3]) {
      silenced.silence()
      expect([await encrypt(), await encrypt(), silenced.starts()]).toEqual(['TIMEOUT', 'done', starts])
    }
    silenced.proxy.fault({ kind: 'black-hole' })
    expect([await encrypt(), await encrypt(), await encrypt()]).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT'])
    expect([silenced.starts(), silenced.proxy.connections]).toEqual([4, 4])
  }, 30_000)

  test('is left again where the next one has but refused something', async () => {
    await using silenced = await startSilenced()
    const envelope = createEnvelope({ keys: silenced.provider, callTimeoutMs: 1000 })
    const entry = await wrapWith(silenced.provider)
    const encrypt = () => envelope.encrypt(new Uint8Array(1))
    silenced.silence()
    await expect(encrypt()).rejects.toMatchObject({ code: 'TIMEOUT' })
    const altered = { ...entry, ciphertext: entry.ciphertext.map((byte) => byte ^ 1) }
    await expect(unwrapWith(silenced.provider, altered)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    silenced.silence()
    await expect(encrypt()).rejects.toMatchObject({ code: 'TIMEOUT' })
    await encrypt()
    expect(silenced.starts()).toBe(3)
  }, 30_000)

  test('is left after half a minute too, though it never answered', async () => {
    const source = sharedClients(async () => answering({}))('grpc')
    const first = await source.get()
    source.abandon(first)
    const second = await source.get()
    source.abandon(second)
    expect(await source.get()).toBe(second)
    const later = performance.now() + 30_000
    const now = vi.spyOn(performance, 'now').mockImplementation(() => later)
    source.abandon(second)
    now.mockRestore()
    expect(await source.get()).not.toBe(second)
    await source.close()
  })

  test('stays where no other can be started, and the call fails as it did', async () => {
    await using silenced = await startSilenced((port, start) =>
      start === 1 ? startAt(port, start) : Promise.reject(new Error('no network')),
    )
    const envelope = createEnvelope({ keys: silenced.provider, callTimeoutMs: 1000 })
    await envelope.encrypt(new Uint8Array(1))
    silenced.silence()
    for (const starts of [2, 3]) {
      await expect(envelope.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true })
      expect(silenced.starts()).toBe(starts)
    }
  }, 30_000)

  test('is not one whose service says at once that its time is over', async () => {
    await using silenced = await startSilenced()
    silenced.server.faults.fail('DEADLINE_EXCEEDED')
    await expect(wrapWith(silenced.provider)).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(silenced.starts()).toBe(1)
  })

  test('is closed and given to nobody any more, and what is under way on it goes on', async () => {
    await using setting = await startSetting('grpc')
    const other = cloudKmsClient(setting.server, 'grpc')
    const made = [setting.client, other]
    const source = sharedClients(async () => {
      const client = made.shift() ?? setting.client
      await client.initialize()
      return client
    })
    const [one, two] = [source('grpc'), source('grpc')]
    const first = await one.get()
    expect(await two.get()).toBe(first)
    setting.server.faults.fault({ kind: 'delay', ms: 300 })
    const underWay = wrapWith(cloudKmsProvider(keyName, givenClient(first), hasty))
    await vi.waitFor(() => expect(setting.server.faults.count()).toBe(1))
    one.abandon(first)
    one.abandon(first)
    two.abandon(first)
    expect((await underWay).providerId).toBe('gcp-kms')
    expect([await one.get(), await two.get()]).toEqual([other, other])
    await vi.waitFor(async () => expect(await isClosed(first)).toBe(true))
    one.abandon(first) // of long ago
    expect(await one.get()).toBe(other)
    await one.close()
    expect(await isClosed(other)).toBe(false)
    await two.close()
    expect(await isClosed(other)).toBe(true)
  })

  test('stays where the start of another hangs, until that one has started', async () => {
    const calls = { close: vi.fn(async () => undefined) }
    const [first, second] = [answering({}), { ...answering({}), ...calls }]
    const started = Promise.withResolvers<CloudKmsClient>()
    const start = vi.fn(() => (start.mock.calls.length === 1 ? Promise.resolve(first) : started.promise))
    const source = sharedClients(start, 50)('grpc')
    expect(await source.get()).toBe(first)
    source.abandon(first)
    expect(await source.get()).toBe(first)
    source.abandon(first)
    expect([await source.get(), start.mock.calls.length]).toEqual([first, 2])
    started.resolve(second)
    expect(await source.get()).toBe(first)
    source.abandon(first)
    expect([await source.get(), start.mock.calls.length]).toEqual([second, 2])
    await source.close()
    expect(calls.close).toHaveBeenCalledOnce()
  })

  test('is left at the next call that runs out of time where the start of another fails too late', async () => {
    const [first, third] = [answering({}), answering({})]
    const late = Promise.withResolvers<CloudKmsClient>()
    const starts = [Promise.resolve(first), late.promise, Promise.resolve(third)]
    const source = sharedClients(() => starts.shift() ?? Promise.reject(new Error('a fourth start')), 50)('grpc')
    source.abandon(await source.get())
    expect(await source.get()).toBe(first)
    late.reject(new Error('no credentials'))
    await new Promise(setImmediate)
    source.abandon(first)
    expect(await source.get()).toBe(third)
  })

  test('is closed though the start of another hangs, and that one as soon as it has started', async () => {
    const closed: string[] = []
    const closing = (name: string): CloudKmsClient => ({ ...answering({}), close: async () => void closed.push(name) })
    const started = Promise.withResolvers<CloudKmsClient>()
    const starts = [Promise.resolve(closing('first')), started.promise]
    const source = sharedClients(() => starts.shift() ?? Promise.reject(new Error('a third start')), 60_000)('grpc')
    source.abandon(await source.get())
    await source.close()
    expect(closed).toEqual(['first'])
    started.resolve(closing('second'))
    await vi.waitFor(() => expect(closed).toEqual(['first', 'second']))
  })

  test('may be of a time before a close, and another that fails to start then is told to whoever waits alone', async () => {
    const second = Promise.withResolvers<CloudKmsClient>()
    const starts = [Promise.resolve(answering({})), second.promise]
    const source = sharedClients(() => starts.shift() ?? Promise.reject(new Error('a third start')))('grpc')
    const first = await source.get()
    await source.close()
    const waiting = expect(source.get()).rejects.toThrow('no credentials')
    source.abandon(first) // by a call that was under way
    second.reject(new Error('no credentials'))
    await waiting
    await new Promise(setImmediate) // an unhandled rejection would fail the run
  })

  test('stays over REST, where another would have the same connections', async () => {
    let starts = 0
    const client: CloudKmsClient = { initialize: async () => ({}), close: async () => undefined, innerApiCalls: {} }
    const source = sharedClients(async () => {
      starts += 1
      return { ...client }
    })('rest')
    const first = await source.get()
    source.abandon(first)
    expect([await source.get(), starts]).toEqual([first, 1])
    await source.close()
  })
})

test('a client of the caller stays open', async () => {
  await using setting = await startSetting('grpc')
  const source = givenClient(setting.client)
  await source.get()
  await source.close()
  expect(await setting.provider.describe({ signal: new AbortController().signal })).toBeDefined()
})
