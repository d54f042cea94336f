import { spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

/**
 * A child process that a test started and that ends with it. It is ended by its own process id, never by name. A death
 * that nobody asked for is an error everywhere: `failed` rejects, and so does the disposal.
 */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number
  readonly input: Writable
  readonly output: Readable
  /** Never resolves; rejects when the process ends before it is told to. */
  readonly failed: Promise<never>
  [Symbol.asyncDispose](): Promise<void>
}

export interface ProcessOptions {
  /** What error messages call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** How long it may take to end by itself before SIGTERM, and again before SIGKILL. */
  readonly graceMs?: number
}

const KEPT_STDERR = 4000

/** Starts the process; rejects when it cannot be spawned at all. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { name, command, args, env = process.env, graceMs = 2000 } = options
  const child = spawn(command, args, { env, stdio: 'pipe' })
  let stderr = ''
  let expected = false
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR)
  })
  // A write to a process that has just died fails with EPIPE; its death is reported by `failed`, with the reason.
  child.stdin.on('error', () => undefined)

  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new Error(`${name}: ${error.message}`)))
  })
  const death = ended.then((how) => (expected ? undefined : new Error(`${name} ended by itself (${how})\n${stderr}`)))
  const failed = new Promise<never>((_, reject) => {
    death.then((error) => error !== undefined && reject(error))
  })
  failed.catch(() => undefined)

  return {
    pid: child.pid ?? -1,
    input: child.stdin,
    output: child.stdout,
    failed,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) expected = true
      child.stdin.end()
      const timers = [
        setTimeout(() => child.kill('SIGTERM'), graceMs),
        setTimeout(() => child.kill('SIGKILL'), 2 * graceMs),
      ]
      const error = await death
      for (const timer of timers) clearTimeout(timer)
      if (error !== undefined) throw error
    },
  }
}
