import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type RunningProcess, startProcess } from './running-process.ts'

/** A server of AWS's interfaces. Every client of AWS takes its `url` for `endpoint`, with any region and credentials. */
export interface LocalStack extends AsyncDisposable {
  readonly url: string
  /** Ends it. Rejects when it died before that. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface LocalStackOptions {
  /** The interpreter of an environment that has LocalStack, as the resolver returns it. */
  readonly executable: string
  readonly startTimeoutMs?: number
  /** What the interpreter runs: the tests of this file give broken ones. */
  readonly args?: readonly string[]
}

const SCRIPT = fileURLToPath(new URL('../servers/localstack/server.py', import.meta.url))

/** Starts LocalStack on a free port of 127.0.0.1, with everything that it writes in a temporary folder. */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { executable, startTimeoutMs = 90_000, args = [SCRIPT] } = options
  const folder = await mkdtemp(join(tmpdir(), 'keyfold-localstack-'))
  const address = `127.0.0.1:${await freePort()}`
  const env = await environment(folder, address)
  // -P: the working folder is no place to look for packages. Its workers read their settings from the environment, so -I cannot be.
  const child = await startProcess({ name: 'localstack', command: executable, args: ['-P', ...args], env })
  const end = async (): Promise<void> => {
    try {
      await child[Symbol.asyncDispose]()
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  try {
    await ready(child, `http://${address}`, startTimeoutMs)
    return { url: `http://${address}`, [Symbol.asyncDispose]: end }
  } catch (error) {
    // The first error says why; what the disposal of a dead process adds is the same death again.
    await end().catch(() => undefined)
    throw error
  }
}

/** Of this process's own environment only what finds programs: a proxy or profile of the user's must not change what answers. */
async function environment(folder: string, address: string): Promise<NodeJS.ProcessEnv> {
  const folders = { FILESYSTEM_ROOT: 'root', LOCALSTACK_VOLUME_DIR: 'volume', HOME: 'home', TMPDIR: 'tmp' }
  const places = Object.entries(folders).map(([name, place]) => [name, join(folder, place)] as const)
  for (const [, place] of places) await mkdir(place)
  return {
    PATH: process.env['PATH'],
    ...Object.fromEntries(places),
    SERVICES: 'kms,secretsmanager,ssm,sts,iam',
    EAGER_SERVICE_LOADING: '1',
    GATEWAY_LISTEN: address,
    LOCALSTACK_HOST: address,
    GATEWAY_SERVER: 'hypercorn', // any other listens on all interfaces
    DISABLE_EVENTS: '1',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    DNS_ADDRESS: '0',
  }
}

async function ready(child: RunningProcess, url: string, timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs)
  // What it prints is of no use, and a full pipe would stop it.
  child.output.resume()
  const answers = async (): Promise<void> => {
    while (!signal.aborted) {
      const response = await fetch(`${url}/_localstack/health`, { signal }).catch(() => undefined)
      if (response?.ok === true) return
      await wait(100, undefined, { signal }).catch(() => undefined)
    }
    throw new Error(`localstack: not ready in ${timeoutMs} ms`)
  }
  await Promise.race([answers(), child.failed])
}

/** Its own choice of a port is not to be had; another process may take this one meanwhile, and then the start fails. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('localstack: no free port')
  return address.port
}
