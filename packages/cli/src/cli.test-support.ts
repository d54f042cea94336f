import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Adapter, KeyProvider } from '@keyfold/core'
import { createLocalKey } from '@keyfold/core/local'
import { onTestFinished, vi } from 'vitest'
import { type LoadPackage, run } from './index.ts'

// A process takes some tenths of a second, and a busy machine more.
vi.setConfig({ testTimeout: 60_000 })

const bin = join(import.meta.dirname, 'bin.ts')

/** What a run of the command line left. */
export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** Options of Node's own. */
  readonly node?: readonly string[]
}

/** Runs the command line as a process of its own, from its sources. */
export async function keyfold(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = startKeyfold(args, options)
  child.stdin.on('error', () => undefined) // it may have ended without reading
  child.stdin.end(options.stdin ?? '')
  return outcomeOf(child)
}

export interface RunHereOptions extends Pick<RunOptions, 'stdin' | 'env'> {
  readonly loadPackage?: LoadPackage
  readonly signal?: AbortSignal
}

/** Runs a command line in this process, which is ten times as fast. Its paths are relative to the repository. */
export async function runHere(args: readonly string[], options: RunHereOptions = {}): Promise<Outcome> {
  const { stdin = '', env = {}, loadPackage, signal = new AbortController().signal } = options
  const [input, stdout, stderr] = [Readable.from([Buffer.from(stdin)]), new PassThrough(), new PassThrough()]
  const ended = Promise.all([buffer(stdout), text(stderr)])
  const surroundings = { stdin: input, stdout, stderr, env, signal, ...(loadPackage && { loadPackage }) }
  const exitCode = await run(args, surroundings)
  stdout.end()
  stderr.end()
  const [bytes, errors] = await ended
  return { exitCode, stdout: bytes, stderr: errors }
}

export function startKeyfold(args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
  return startKeyfoldFrom(bin, args, options)
}

/** @param path of the command's `bin.ts` */
export function startKeyfoldFrom(
  path: string,
  args: readonly string[],
  { cwd, env, node = [] }: RunOptions = {},
): ChildProcessWithoutNullStreams {
  const command = [...node, '--conditions=@keyfold/source', path, ...args]
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return spawn(process.execPath, command, { cwd, env: { PATH, NODE_COMPILE_CACHE, ...env } })
}

export async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }
}

/** A folder of the test's own, with a key file `keys.json` in it. */
export async function folderWithKey(): Promise<{
  folder: string
  at: (name: string) => string
  names: () => string[]
  key: readonly ['--key', string]
}> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  await createLocalKey(join(folder, 'keys.json'))
  const at = (name: string): string => join(folder, name)
  return { folder, at, names: () => readdirSync(folder).sort(), key: ['--key', `local://${at('keys.json')}`] }
}

/** The temporary file of a run in a folder, as soon as there is one. */
export async function temporaryFileIn(folder: string): Promise<string> {
  for (;;) {
    const found = readdirSync(folder).find((name) => name.endsWith('.tmp'))
    if (found !== undefined) return found
    await sleep(5)
  }
}

/** Packages of adapters as they would be installed: `@keyfold/aws`, whose references name these keys by their last part. */
export function awsWith(keys: Readonly<Record<string, KeyProvider>>): LoadPackage {
  return packagesWith({ '@keyfold/aws': { aws: () => adapterOf('awskms', keys) } })
}

export function packagesWith(packages: Readonly<Record<string, object>>): LoadPackage {
  return async (packageName) => packages[packageName]
}

export function adapterOf(scheme: string, keys: Readonly<Record<string, KeyProvider>>): Adapter {
  const openKey = ({ name }: { readonly name: string }): KeyProvider => {
    const key = keys[name]
    if (key === undefined) throw new Error(`the test has no key ${name}`)
    return key
  }
  return { keys: [{ scheme, openKey }] }
}
