import { type FaultProxy, startFaultProxy } from '@keyfold/testing/fault-proxy'
import type { OpenBao } from '@keyfold/testing/openbao'
import nodeVault from 'node-vault'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { token } from './auth.ts'
import { call, hurriedClock, server, startTransit, tokenFor } from './openbao.test-support.ts'
import { type TransitOptions, transit } from './transit.ts'

const reading = 'path "transit/keys/*" { capabilities = ["read"] }'
let bao: OpenBao
let proxy: FaultProxy
let plain: string
beforeAll(async () => {
  if (server.state === 'skipped') return
  bao = await startTransit()
  proxy = await startFaultProxy({ target: bao.url })
  plain = await tokenFor(bao, reading)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await bao?.[Symbol.asyncDispose]()
})
beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
  proxy.recover()
})

async function concernsOf(options: TransitOptions = {}) {
  const key = transit('derived', { address: proxy.url, auth: token(plain), clock: hurriedClock(), ...options })
  return (await key.describe(call)).concerns
}
/** The same server: Linux and macOS lead 0.0.0.0 to this machine, which its name does not say. */
const abroad = () => proxy.url.replace('127.0.0.1', '0.0.0.0')

test('a token of one policy, over HTTP on this machine, is no concern', async () => {
  expect(await concernsOf()).toEqual([])
})

test('a root token is told of, and one that has the policy among others', async () => {
  expect(await concernsOf({ auth: token(bao.token) })).toEqual(['root-token'])
  const child = await bao.call('POST', 'auth/token/create', { body: {} })
  expect(await concernsOf({ auth: token(child?.auth?.client_token ?? '') })).toEqual(['root-token'])
})

test('nothing is told of a token that may not look itself up', async () => {
  await bao.call('PUT', 'sys/policies/acl/reading', { body: { policy: reading } })
  const body = { policies: ['reading'], no_default_policy: true }
  const silent = await bao.call('POST', 'auth/token/create', { body })
  const before = proxy.requests.length
  expect(await concernsOf({ auth: token(silent?.auth?.client_token ?? '') })).toEqual([])
  expect(proxy.requests.slice(before).map(({ path }) => path)).toEqual([
    '/v1/transit/keys/derived',
    '/v1/auth/token/lookup-self',
  ])
})

test.each([
  [404, '{"errors":[]}'],
  [403, '{"errors":["permission denied"]}'],
  [200, '{"data":{"policies":"root"}}'],
])('nothing is told of a token after an answer of %i, %s', async (status, body) => {
  proxy.fault({ kind: 'status', status, body }, { when: ({ path }) => path.endsWith('lookup-self') })
  expect(await concernsOf({ auth: token(bao.token) })).toEqual([])
})

test('while the token cannot be looked up for another reason, there is no description', async () => {
  proxy.fault({ kind: 'status', status: 503 }, { when: ({ path }) => path.endsWith('lookup-self') })
  await expect(concernsOf()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('plain HTTP to another machine is told of, a client of your own included', async () => {
  expect(await concernsOf({ address: abroad() })).toEqual(['plain-http'])
  expect(await concernsOf({ address: abroad(), auth: token(bao.token) })).toEqual(['plain-http', 'root-token'])
  const client = nodeVault({ endpoint: abroad(), token: plain })
  expect(await concernsOf({ address: undefined, client })).toEqual(['plain-http'])
  const near = nodeVault({ endpoint: proxy.url, token: plain })
  expect(await concernsOf({ address: undefined, client: near })).toEqual([])
  const untold = { request: (options: Parameters<typeof client.request>[0]) => client.request(options) }
  expect(await concernsOf({ address: undefined, client: untold })).toEqual([])
})
