import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
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
}

/** Runs the command line as a process of its own, from its sources. */
export async function keyfold(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = startKeyfold(args, options)
  child.stdin.on('error', () => undefined) // it may have ended without reading
  child.stdin.end(options.stdin ?? '')
  return outcomeOf(child)
}

export interface RunHereOptions extends Pick<RunOptions, 'stdin'> {
  readonly loadPackage?: LoadPackage
  readonly signal?: AbortSignal
}

/** Runs a command line that needs no files in this process, which is ten times as fast. */
export async function runHere(args: readonly string[], options: RunHereOptions = {}): Promise<Outcome> {
  const { stdin: input, loadPackage, signal = new AbortController().signal } = options
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end(input ?? '')
  const exitCode = await run(args, { stdin, stdout, stderr, env: {}, signal, ...(loadPackage && { loadPackage }) })
  return { exitCode, stdout: stdout.read() ?? Buffer.alloc(0), stderr: String(stderr.read() ?? '') }
}

export function startKeyfold(args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
  return startKeyfoldFrom(bin, args, options)
}

/** @param path of the command's `bin.ts` */
export function startKeyfoldFrom(
  path: string,
  args: readonly string[],
  { cwd, env }: RunOptions = {},
): ChildProcessWithoutNullStreams {
  const command = ['--conditions=@keyfold/source', path, ...args]
  return spawn(process.execPath, command, { cwd, env: { PATH: process.env['PATH'], ...env } })
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
}> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  await createLocalKey(join(folder, 'keys.json'))
  return { folder, at: (name) => join(folder, name), names: () => readdirSync(folder).sort() }
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
