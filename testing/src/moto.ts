import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RunningProcess } from './running-process.ts'
import { startProcess } from './running-process.ts'

/** A server of AWS's interfaces. Every client of AWS takes its `url` for `endpoint`, with any region and credentials. */
export interface Moto extends AsyncDisposable {
  readonly url: string
  /** Forgets everything that was put into it, of all services. */
  reset(): Promise<void>
  /** Ends it. Rejects when it died before that. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface MotoOptions {
  /** The interpreter of an environment that has moto, as the resolver returns it. */
  readonly executable: string
  readonly startTimeoutMs?: number
  /** Another program that prints its port: the tests of this file give broken ones. */
  readonly script?: string
}

const SCRIPT = fileURLToPath(new URL('../servers/moto/server.py', import.meta.url))

/** Starts moto on a free port of 127.0.0.1. It ends with its disposal, and with this process. */
export async function startMoto(options: MotoOptions): Promise<Moto> {
  const { executable, startTimeoutMs = 30_000, script = SCRIPT } = options
  // -I: neither PYTHONPATH nor the user's own packages may change which moto answers.
  const child = await startProcess({ name: 'moto', command: executable, args: ['-I', script] })
  try {
    const url = `http://127.0.0.1:${await port(child, startTimeoutMs)}`
    return { url, reset: () => reset(url), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
  } catch (error) {
    // The first error says why; what the disposal of a dead process adds is the same death again.
    await child[Symbol.asyncDispose]().catch(() => undefined)
    throw error
  }
}

/** The first line that the program prints, when it listens. */
async function port(child: RunningProcess, timeoutMs: number): Promise<number> {
  const line = once(createInterface({ input: child.output }), 'line', { signal: AbortSignal.timeout(timeoutMs) })
  const late = line.catch((cause: unknown) => Promise.reject(new Error(`moto: no port in ${timeoutMs} ms`, { cause })))
  const [printed] = await Promise.race([late, child.failed])
  if (!/^\d+$/.test(printed)) throw new Error(`moto: not a port: ${printed}`)
  return Number(printed)
}

async function reset(url: string): Promise<void> {
  const response = await fetch(`${url}/moto-api/reset`, { method: 'POST' })
  if (!response.ok) throw new Error(`moto: its reset answers ${response.status}`)
}
