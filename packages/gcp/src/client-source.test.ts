// The client that Keyfold makes by itself: one for all, until nobody needs it. No request leaves: there is a key file, and no call.
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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

const never = new AbortController().signal

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

/** One start after the other. */
function starting(...clients: (CloudKmsClient | Promise<CloudKmsClient>)[]): () => Promise<CloudKmsClient> {
  return () => Promise.resolve(clients.shift() ?? Promise.reject(new Error('one start too many')))
}

/** It notes that it is closed, and fails to. */
function closing(name: string, closed: string[]): CloudKmsClient {
  const close = async (): Promise<void> => {
    closed.push(name)
    if (name !== 'first') throw new Error('no')
  }
  return { ...answering({}), close }
}

const isClosed = async (client: Awaited<ReturnType<ReturnType<typeof sharedClient>['get']>>): Promise<boolean> => {
  const failure: unknown = await client.innerApiCalls['getCryptoKey']?.(
    { name: 'x' },
    { timeout: 1, retry: null },
  ).catch((error: unknown) => error)
  return /already been closed/.test(String(failure))
}

test('providers of a transport share one client, which the last one closes', async () => {
  const [one, two, rest] = [sharedClient('grpc'), sharedClient('grpc'), sharedClient('rest')]
  const [first, again, second, overRest] = await Promise.all([
    one.get(never),
    one.get(never),
    two.get(never),
    rest.get(never),
  ])
  expect(again).toBe(first)
  expect(second).toBe(first)
  expect(overRest).not.toBe(first)
  await one.close()
  await one.close()
  await expect(one.get(never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(await isClosed(first)).toBe(false)
  await two.close()
  expect(await isClosed(first)).toBe(true)
  const three = sharedClient('grpc')
  const anew = await three.get(never)
  expect(anew).not.toBe(first)
  expect(await isClosed(anew)).toBe(false)
  await Promise.all([three.close(), rest.close()])
})

test('a start that failed is not remembered', async () => {
  const source = sharedClient('rest')
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder, 'missing.json'))
  await expect(source.get(never)).rejects.toThrow()
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  expect(await source.get(never)).toBeDefined()
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
    const first = await source.get(never)
    source.abandon(first)
    const second = await source.get(never)
    source.abandon(second)
    expect(await source.get(never)).toBe(second)
    const later = performance.now() + 30_000
    const now = vi.spyOn(performance, 'now').mockImplementation(() => later)
    source.abandon(second)
    now.mockRestore()
    expect(await source.get(never)).not.toBe(second)
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
    const first = await one.get(never)
    expect(await two.get(never)).toBe(first)
    setting.server.faults.fault({ kind: 'delay', ms: 300 })
    const underWay = wrapWith(cloudKmsProvider(keyName, givenClient(first), hasty))
    await vi.waitFor(() => expect(setting.server.faults.count()).toBe(1))
    one.abandon(first)
    one.abandon(first)
    two.abandon(first)
    expect((await underWay).providerId).toBe('gcp-kms')
    expect([await one.get(never), await two.get(never)]).toEqual([other, other])
    await vi.waitFor(async () => expect(await isClosed(first)).toBe(true))
    one.abandon(first) // of long ago
    expect(await one.get(never)).toBe(other)
    await one.close()
    expect(await isClosed(other)).toBe(false)
    await two.close()
    expect(await isClosed(other)).toBe(true)
  })

  test('stays where the start of another hangs, until that one has started', async () => {
    const [first, second] = [answering({}), answering({})]
    const started = Promise.withResolvers<CloudKmsClient>()
    const source = sharedClients(starting(first, started.promise), 50)('grpc')
    source.abandon(await source.get(never))
    expect(await source.get(never)).toBe(first)
    started.resolve(second)
    await new Promise(setImmediate)
    expect(await source.get(never)).toBe(second)
    await source.close()
  })

  test('makes calls wait for another once, whoever gives it up and how often', async () => {
    const [first, second] = [answering({}), answering({})]
    const hanging = Promise.withResolvers<CloudKmsClient>()
    const start = vi.fn(starting(first, second, hanging.promise))
    const source = sharedClients(start, 500)('grpc')
    source.abandon(await source.get(never))
    expect(await source.get(never)).toBe(second)
    source.confirm(second)
    for (const client of [second, first, second, first]) source.abandon(client)
    const startedAt = performance.now()
    expect(await source.get(never)).toBe(second)
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect(start).toHaveBeenCalledTimes(3)
    await source.close()
  })

  test('has half a minute from when it takes the place, however long it took to start', async () => {
    const [first, second, third] = [answering({}), answering({}), answering({})]
    const late = Promise.withResolvers<CloudKmsClient>()
    const source = sharedClients(starting(first, late.promise, third), 50)('grpc')
    source.abandon(await source.get(never))
    const later = Math.ceil(performance.now()) + 40_000
    const now = vi.spyOn(performance, 'now').mockImplementation(() => later)
    late.resolve(second)
    await new Promise(setImmediate)
    source.confirm(first) // by a call that was under way on it
    source.abandon(await source.get(never))
    expect(await source.get(never)).toBe(second)
    now.mockImplementation(() => later + 30_000)
    source.abandon(second)
    now.mockRestore()
    expect(await source.get(never)).toBe(third)
    await source.close()
  })

  test('is not closed before who was given it just now has made the call', async () => {
    const closed: string[] = []
    const getCryptoKey = vi.fn(() => Promise.reject(new Error(closed.length > 0 ? 'closed' : 'open')))
    const first = { ...closing('first', closed), innerApiCalls: { getCryptoKey } }
    const source = sharedClients(starting(first, answering({})))('grpc')
    const provider = cloudKmsProvider(keyName, source, hasty)
    await source.get(never)
    const asking = provider.describe({ signal: never })
    source.abandon(first)
    await expect(asking).rejects.toMatchObject({ code: 'UNKNOWN' })
    await expect(getCryptoKey.mock.results[0]?.value).rejects.toThrow('open')
    await vi.waitFor(() => expect(closed).toEqual(['first']))
  })

  test('is left for one that takes longer than is waited for, even where more are started meanwhile', async () => {
    const closed: string[] = []
    const [first, second] = [answering({}), answering({})]
    const [slow, slower] = [Promise.withResolvers<CloudKmsClient>(), Promise.withResolvers<CloudKmsClient>()]
    const source = sharedClients(starting(first, slow.promise, slower.promise), 20)('grpc')
    for (let call = 0; call < 2; call++) {
      source.abandon(await source.get(never))
      expect(await source.get(never)).toBe(first)
    }
    slow.resolve(second)
    await new Promise(setImmediate)
    expect(await source.get(never)).toBe(second)
    slower.resolve(closing('slower', closed))
    await vi.waitFor(() => expect(closed).toEqual(['slower']))
    expect(await source.get(never)).toBe(second)
    await source.close()
  })

  test('is left at the next call that runs out of time where the start of another fails too late', async () => {
    const [first, third] = [answering({}), answering({})]
    const late = Promise.withResolvers<CloudKmsClient>()
    const source = sharedClients(starting(first, late.promise, third), 50)('grpc')
    source.abandon(await source.get(never))
    expect(await source.get(never)).toBe(first)
    late.reject(new Error('no credentials'))
    await new Promise(setImmediate) // an unhandled rejection would fail the run
    expect(await source.get(never)).toBe(first)
    source.abandon(first)
    expect(await source.get(never)).toBe(third)
  })

  test('stays for a call that waits for another, where that one fails; not where the call is over or the key closed', async () => {
    const first = answering({})
    const second = Promise.withResolvers<CloudKmsClient>()
    const source = sharedClients(starting(first, second.promise, new Promise(() => undefined)), 60_000)('grpc')
    source.abandon(await source.get(never))
    const waiting = source.get(never)
    second.reject(new Error('no credentials'))
    expect(await waiting).toBe(first)
    source.abandon(first)
    const controller = new AbortController()
    const refusals = Promise.all([
      expect(source.get(controller.signal)).rejects.toMatchObject({ code: 'ABORTED' }),
      expect(source.get(never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' }),
    ])
    controller.abort()
    await source.close()
    await refusals
  })

  test('is closed though the start of another hangs, and that one as soon as it has started', async () => {
    const closed: string[] = []
    const started = Promise.withResolvers<CloudKmsClient>()
    const source = sharedClients(starting(closing('first', closed), started.promise), 60_000)('grpc')
    source.abandon(await source.get(never))
    await source.close()
    expect(closed).toEqual(['first'])
    started.resolve(closing('second', closed))
    await vi.waitFor(() => expect(closed).toEqual(['first', 'second']))
    await new Promise(setImmediate) // an unhandled rejection would fail the run
  })

  test('is of no account after a close, nor to whoever was never given it', async () => {
    const start = vi.fn(async () => answering({}))
    const source = sharedClients(start)
    const [one, two] = [source('grpc'), source('grpc')]
    const first = await one.get(never)
    two.abandon(first)
    await one.close()
    one.abandon(first) // by a call that was under way
    await two.get(never)
    two.abandon(first)
    expect(start).toHaveBeenCalledTimes(2)
  })

  test('stays over REST, where another would have the same connections', async () => {
    let starts = 0
    const client: CloudKmsClient = { initialize: async () => ({}), close: async () => undefined, innerApiCalls: {} }
    const source = sharedClients(async () => {
      starts += 1
      return { ...client }
    })('rest')
    const first = await source.get(never)
    source.abandon(first)
    expect([await source.get(never), starts]).toEqual([first, 1])
    await source.close()
  })
})

describe('a first start that hangs', () => {
  test('is waited for in its time, and the next call makes another; the late one is closed', async () => {
    const closed: string[] = []
    const late = Promise.withResolvers<CloudKmsClient>()
    const second = answering({})
    const source = sharedClients(starting(late.promise, second), 50)('grpc')
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now()) // as a timer that is early would find it
    const outcomes = await Promise.allSettled([source.get(never), source.get(never)])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT', retryable: true } })
    }
    expect(await source.get(never)).toBe(second)
    now.mockRestore()
    late.resolve(closing('late', closed))
    await vi.waitFor(() => expect(closed).toEqual(['late']))
    await new Promise(setImmediate) // an unhandled rejection would fail the run
    expect(await source.get(never)).toBe(second)
  })

  test('may come late while another is awaited, which is closed when it comes', async () => {
    const closed: string[] = []
    const [late, next] = [Promise.withResolvers<CloudKmsClient>(), Promise.withResolvers<CloudKmsClient>()]
    const first = answering({})
    const source = sharedClients(starting(late.promise, next.promise), 50)('grpc')
    await expect(source.get(never)).rejects.toMatchObject({ code: 'TIMEOUT' })
    const waiting = source.get(never)
    late.resolve(first)
    expect(await waiting).toBe(first)
    next.resolve(closing('next', closed))
    await vi.waitFor(() => expect(closed).toEqual(['next']))
    expect(await source.get(never)).toBe(first)
    await source.close()
  })

  test('may come late where nobody has made another', async () => {
    const late = Promise.withResolvers<CloudKmsClient>()
    const first = answering({})
    const source = sharedClients(starting(late.promise), 50)('grpc')
    await expect(source.get(never)).rejects.toMatchObject({ code: 'TIMEOUT' })
    late.resolve(first)
    await new Promise(setImmediate)
    expect(await source.get(never)).toBe(first)
  })

  test('may fail late, which is nothing to the next one', async () => {
    const [late, next] = [Promise.withResolvers<CloudKmsClient>(), Promise.withResolvers<CloudKmsClient>()]
    const second = answering({})
    const source = sharedClients(starting(late.promise, next.promise), 300)('grpc')
    await expect(source.get(never)).rejects.toMatchObject({ code: 'TIMEOUT' })
    const waiting = source.get(never)
    late.reject(new Error('no credentials'))
    await new Promise(setImmediate)
    next.resolve(second)
    expect([await waiting, await source.get(never)]).toEqual([second, second])
  })

  test('is tried again within the call', async () => {
    const encrypt = () => Promise.reject(Object.assign(new Error('no'), { code: 7 }))
    const source = sharedClients(starting(new Promise(() => undefined), answering({ encrypt })), 50)('grpc')
    const failure = wrapWith(cloudKmsProvider(keyName, source, hasty))
    await expect(failure).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })

  test('is waited for by nobody after an abort or a close', async () => {
    const closed: string[] = []
    const late = Promise.withResolvers<CloudKmsClient>()
    const source = sharedClients(starting(late.promise), 60_000)('grpc')
    const controller = new AbortController()
    const aborted = expect(source.get(controller.signal)).rejects.toMatchObject({ code: 'ABORTED' })
    controller.abort()
    await aborted
    const waiting = expect(source.get(never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await source.close()
    await waiting
    late.resolve(closing('late', closed))
    await vi.waitFor(() => expect(closed).toEqual(['late']))
  })

  // Nothing else holds these processes, and core's own deadline does not.
  test.each([
    ['holds the process as long as a call waits for it', 'await call()', 200],
    ['holds it no longer where the call is over', 'await call(AbortSignal.timeout(50)), clearTimeout(held)', 60_000],
    ['holds it no longer where it came after all', 'setTimeout(come, 50); await call(), clearTimeout(held)', 60_000],
    [
      'of another, does not hold it where no call waits',
      'setTimeout(come, 1); await call(); source.abandon(client); clearTimeout(held)',
      60_000,
    ],
  ])(
    '%s',
    async (_, act, longestStartMs) => {
      const program = `
      import { sharedClients } from './client-source.ts'
      const client = { close: async () => undefined }
      const { promise, resolve: come } = Promise.withResolvers()
      const starts = [promise.then(() => client)]
      const source = sharedClients(() => starts.shift() ?? new Promise(() => undefined), ${longestStartMs})('grpc')
      const held = ${longestStartMs} > 1000 ? setTimeout(() => undefined, 30_000) : undefined
      const call = (signal = new AbortController().signal) => source.get(signal).catch(() => undefined)
      ${act}
      console.log('over')
    `
      const flags = ['--conditions=@keyfold/source', '--input-type=module', '--eval', program]
      const { stdout } = await promisify(execFile)(process.execPath, flags, {
        cwd: import.meta.dirname,
        timeout: 20_000,
      })
      expect(stdout).toBe('over\n')
    },
    30_000,
  )
})

test('a provider that was closed says so, to a call that waits too', async () => {
  const provider = cloudKmsProvider(keyName, sharedClients(starting(new Promise(() => undefined)))('grpc'), hasty)
  const failure = { code: 'INVALID_ARGUMENT', message: 'cloudKms: used after it was closed' }
  const waiting = expect(wrapWith(provider)).rejects.toMatchObject(failure)
  await provider.close()
  await waiting
  await expect(wrapWith(provider)).rejects.toMatchObject(failure)
})

test('a client of the caller stays open', async () => {
  await using setting = await startSetting('grpc')
  const source = givenClient(setting.client)
  await source.get(never)
  await source.close()
  await expect(source.get(never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(await setting.provider.describe({ signal: new AbortController().signal })).toBeDefined()
})
