import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { type OpenBao, startOpenBao } from './openbao.ts'
import { startProcess } from './running-process.ts'
import { openBao } from './servers.ts'

const server = await availableServer(openBao)
beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
})

it('answers root at an address of loopback, and nobody after its disposal', async () => {
  const bao = await start()
  expect(bao.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  await bao.call('POST', 'secret/data/pin', { body: { data: { value: '1' } } })
  expect((await bao.call('GET', 'secret/data/pin'))?.data?.['data']).toEqual({ value: '1' })
  await expect(bao.call('GET', 'secret/data/pin', { token: 'other' })).rejects.toThrow('403')
  await bao[Symbol.asyncDispose]()
  await expect(bao.call('GET', 'sys/health')).rejects.toThrow('fetch failed')
})

it('runs beside another one, and has namespaces', async () => {
  await using one = await start()
  await using other = await start()
  await one.call('POST', 'sys/namespaces/team', { body: {} })
  await one.call('POST', 'sys/mounts/transit', { body: { type: 'transit' }, namespace: 'team' })
  await expect(one.call('GET', 'sys/mounts/transit')).rejects.toThrow('400')
  await expect(other.call('POST', 'sys/mounts/transit', { body: {}, namespace: 'team' })).rejects.toThrow()
})

it('is sealed and unsealed', async () => {
  await using bao = await start()
  await bao.call('PUT', 'sys/seal')
  await expect(bao.call('GET', 'secret/data/pin')).rejects.toThrow('503')
  await bao.call('PUT', 'sys/unseal', { body: { key: bao.unsealKey } })
  await expect.poll(() => bao.call('GET', 'sys/health'), { timeout: 10_000 }).toBeDefined()
})

it('has a certificate of an authority of its own', async () => {
  await using bao = await start(true)
  expect(bao.url).toMatch(/^https:/)
  expect(bao.ca?.pem).toContain('BEGIN CERTIFICATE')
  expect(await bao.call('GET', 'sys/health')).toBeDefined()
  await expect(fetch(`${bao.url}/v1/sys/health`)).rejects.toThrow('fetch failed')
})

it('over TLS takes a fault proxy before it, which shows the same certificate', async () => {
  await using bao = await start(true)
  const { pem: ca, path } = bao.ca ?? { pem: '', path: '' }
  const fileOf = (name: string) => readFile(join(dirname(path), name), 'utf8')
  const tls = { key: await fileOf('vault-key.pem'), cert: await fileOf('vault-cert.pem'), ca }
  await using proxy = await startFaultProxy({ target: bao.url, tls })
  const get = async (): Promise<unknown> => {
    const [answer] = await once(request(`${proxy.url}/v1/sys/health`, { ca, agent: false }).end(), 'response')
    answer.resume()
    return answer.statusCode
  }
  expect(await get()).toBe(200)
  proxy.fault({ kind: 'status', status: 503 }, { times: 1 })
  expect([await get(), await get(), proxy.requests.length]).toEqual([503, 200, 3])
})

it('ends when the process that started it is killed', async () => {
  if (server.state === 'skipped') throw new Error(server.line)
  const code = `const { startOpenBao } = await import(${JSON.stringify(new URL('openbao.ts', import.meta.url).href)})
    console.log((await startOpenBao({ executable: ${JSON.stringify(server.executable)} })).url)`
  const args = ['--input-type=module', '-e', code]
  const parent = await startProcess({ name: 'parent', command: process.execPath, args })
  const { port } = new URL(String((await once(parent.output, 'data'))[0]))
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  process.kill(parent.pid, 'SIGKILL')
  await once(
    socket.resume().on('error', () => undefined),
    'close',
  )
  await expect(parent[Symbol.asyncDispose]()).rejects.toThrow('SIGKILL')
})

it('fails at the start when the program dies there', async () => {
  await expect(startOpenBao({ executable: '/bin/false' })).rejects.toThrow('openbao')
})

function start(tls = false): Promise<OpenBao> {
  if (server.state === 'skipped') throw new Error(server.line)
  return startOpenBao({ executable: server.executable, tls })
}
