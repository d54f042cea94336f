/*
 * What becomes of connections: those that die without a word, as behind a firewall that forgot them or a node that is gone,
 * are told by time alone.
 */
import { once } from 'node:events'
import { Agent } from 'node:https'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createEnvelope, type KeyProvider } from '@keyfold/core'
import { expect, test, vi } from 'vitest'
import { type KeyVaultOptions, keyVault } from './index.ts'
import { dataKeyOf, failureOf, optionsFor, plainContext, unhurried, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()

/** One repetition, so that a second dead connection would be one too many. */
const retry = { maxRetries: 1, delayMs: 1, tryTimeoutMs: 500 }

async function wrap(key: KeyProvider, call = unhurried): Promise<unknown> {
  return key.wrapDataKey?.({ dataKey: dataKeyOf(32).dataKey, ...plainContext }, call)
}

test('after a dead connection a new one is made, though others are idle, and the old ones are closed', async () => {
  await using relay = await startRelay()
  const key = relay.key({ retry })
  await Promise.all([wrap(key), wrap(key), wrap(key)])
  expect([relay.made, relay.open]).toEqual([3, 3])
  relay.silence()
  expect(await wrap(key)).toMatchObject({ providerId: 'azure-keyvault' })
  expect(relay.made).toBe(4)
  await vi.waitFor(() => expect(relay.open).toBe(1))
  await wrap(key)
  expect(relay.made).toBe(4)
})

test('so it is where the call had less time than a try', async () => {
  await using relay = await startRelay()
  const key = relay.key({ retry: { tryTimeoutMs: 60_000 } })
  await Promise.all([wrap(key), wrap(key), wrap(key)])
  relay.silence()
  const envelope = createEnvelope({ keys: key, callTimeoutMs: 500 })
  await expect(envelope.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'TIMEOUT' })
  await vi.waitFor(() => expect(relay.open).toBe(0))
  await wrap(key)
  expect(relay.made).toBe(4)
})

test('of an agent that is not ours, the connection of the try alone is closed', async () => {
  await using relay = await startRelay()
  const agent = new Agent({ keepAlive: true, ca: fixture.server().ca })
  const { clientOptions } = optionsFor(fixture.server())
  const key = relay.key({ retry, clientOptions: { ...clientOptions, agent } })
  try {
    await Promise.all([wrap(key), wrap(key)])
    fixture.service().log.fault({ kind: 'hang' }, { times: 1 })
    await wrap(key)
    await vi.waitFor(() => expect([relay.made, relay.open]).toEqual([2, 1]))
  } finally {
    agent.destroy()
  }
})

test('a caller who leaves takes the connection of the call along, and no other', async () => {
  await using relay = await startRelay()
  const key = relay.key({ retry: { tryTimeoutMs: 60_000 } })
  await Promise.all([wrap(key), wrap(key)])
  const { log } = fixture.service()
  log.reset()
  log.fault({ kind: 'hang' })
  const caller = new AbortController()
  const failed = failureOf(wrap(key, caller))
  await vi.waitFor(() => expect(log.requests).toHaveLength(1))
  caller.abort()
  expect(await failed).toMatchObject({ code: 'ABORTED' })
  await vi.waitFor(() => expect(relay.open).toBe(1))
  expect(log.requests).toHaveLength(1)
  log.reset()
  await wrap(key)
  expect(relay.made).toBe(2)
})

interface Relay extends AsyncDisposable {
  key(options: KeyVaultOptions): KeyProvider
  /** Connections, since the start and now. */
  readonly made: number
  readonly open: number
  /** Hands nothing on any more on the connections that there are, and leaves them open. */
  silence(): void
}

/** In front of the vault, which gives itself the relay's address. */
async function startRelay(): Promise<Relay> {
  const { vaultUrl } = fixture.server()
  const vault = fixture.service()
  const clients = new Map<Socket, Socket>()
  let made = 0
  const server = createServer((client) => {
    made += 1
    const upstream = connect(Number(new URL(vaultUrl).port), '127.0.0.1')
    clients.set(client, upstream)
    client.pipe(upstream).pipe(client)
    upstream.on('error', () => client.destroy())
    client.on('error', () => undefined).once('close', () => clients.delete(client) && upstream.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
  const host = `127.0.0.1:${port}`
  vault.baseUrl = `https://${host}`
  return {
    key: (options) =>
      keyVault(`https://${host}/keys/orders`, { ...optionsFor(fixture.server()), hosts: [host], ...options }),
    get made() {
      return made
    },
    get open() {
      return clients.size
    },
    silence() {
      for (const [client, upstream] of clients) {
        client.unpipe().resume()
        upstream.unpipe().resume()
      }
    },
    async [Symbol.asyncDispose]() {
      vault.baseUrl = vaultUrl
      const closed = once(server, 'close')
      server.close()
      for (const client of clients.keys()) client.destroy()
      await closed
    },
  }
}
