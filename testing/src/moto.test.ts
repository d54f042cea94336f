import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import type { Moto } from './moto.ts'
import { startMoto } from './moto.ts'
import { startProcess } from './running-process.ts'
import { moto } from './servers.ts'

const server = await availableServer(moto)

let folder: string
beforeEach(async ({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
  folder = await mkdtemp(join(tmpdir(), 'keyfold-moto-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('answers for several services at one address of loopback, and forgets all of them with a reset', async () => {
  await using aws = await start()
  expect(aws.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  await call(aws, 's3', { method: 'PUT', path: '/shelf' })
  await call(aws, 'kms', { target: 'TrentService.CreateKey' })
  await call(aws, 'secretsmanager', { target: 'secretsmanager.CreateSecret', body: { Name: 'pin', SecretString: '1' } })
  expect(await inventory(aws)).toEqual({ buckets: 1, keys: 1, secrets: 1 })
  await aws.reset()
  expect(await inventory(aws)).toEqual({ buckets: 0, keys: 0, secrets: 0 })
})

it('runs beside another one', async () => {
  await using one = await start()
  await using other = await start()
  await call(one, 'kms', { target: 'TrentService.CreateKey' })
  expect((await inventory(one)).keys).toBe(1)
  expect((await inventory(other)).keys).toBe(0)
})

it('answers no more after its disposal', async () => {
  const aws = await start()
  await aws[Symbol.asyncDispose]()
  await expect(aws.reset()).rejects.toThrow('fetch failed')
})

it('ends when the process that started it is killed', async () => {
  if (server.state === 'skipped') throw new Error(server.line)
  const code = `const { startMoto } = await import(${JSON.stringify(new URL('moto.ts', import.meta.url).href)})
    console.log((await startMoto({ executable: ${JSON.stringify(server.executable)} })).url)`
  const parent = await startProcess({
    name: 'parent',
    command: process.execPath,
    args: ['--input-type=module', '-e', code],
  })
  const { port } = new URL(String((await once(parent.output, 'data'))[0]))
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  process.kill(parent.pid, 'SIGKILL')
  await once(socket.resume(), 'close')
  await expect(parent[Symbol.asyncDispose]()).rejects.toThrow('SIGKILL')
})

it('fails at the start when the program dies there, says no port, or says nothing', async () => {
  await expect(start("raise SystemExit('no such library')")).rejects.toThrow('no such library')
  await expect(start("print('hello', flush=True); input()")).rejects.toThrow('moto: not a port: hello')
  await expect(start('input()', 500)).rejects.toThrow('moto: no port in 500 ms')
})

async function start(code?: string, startTimeoutMs = 30_000): Promise<Moto> {
  if (server.state === 'skipped') throw new Error(server.line)
  if (code === undefined) return startMoto(server)
  const script = join(folder, 'server.py')
  await writeFile(script, code)
  return startMoto({ executable: server.executable, script, startTimeoutMs })
}

async function inventory(aws: Moto): Promise<{ buckets: number; keys: number; secrets: number }> {
  const buckets = await call(aws, 's3', { method: 'GET', path: '/' })
  const keys: { Keys: unknown[] } = JSON.parse(await call(aws, 'kms', { target: 'TrentService.ListKeys' }))
  const listed = await call(aws, 'secretsmanager', { target: 'secretsmanager.ListSecrets' })
  const secrets: { SecretList: unknown[] } = JSON.parse(listed)
  return { buckets: buckets.split('<Bucket>').length - 1, keys: keys.Keys.length, secrets: secrets.SecretList.length }
}

interface Call {
  readonly method?: string
  readonly path?: string
  readonly target?: string
  readonly body?: object
}

/** A request as AWS's clients send it, with a signature that moto does not check. */
async function call(
  aws: Moto,
  service: string,
  { method = 'POST', path = '/', target, body = {} }: Call,
): Promise<string> {
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    ...(target === undefined ? {} : { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' }),
  }
  const sent = target === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(aws.url + path, { method, headers, ...sent })
  const text = await response.text()
  if (!response.ok) throw new Error(`${service}: ${response.status} ${text}`)
  return text
}
