import { createHash } from 'node:crypto'
import { access, constants, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { install, isSound } from './install.ts'
import type { ServerRow } from './server-row.ts'

export type Resolution = Located | Missing

export interface Located {
  readonly state: 'located'
  readonly name: string
  readonly executable: string
  readonly from: 'environment' | 'path' | 'cache' | 'install'
}

export interface Missing {
  readonly state: 'missing'
  readonly name: string
  readonly reason: string
}

export interface ResolveOptions {
  /** `quick` (the default) installs what takes under a minute, `always` everything, `never` nothing. */
  readonly install?: 'always' | 'quick' | 'never'
  readonly env?: NodeJS.ProcessEnv
  /** Gets a line before an installation begins. */
  readonly report?: (line: string) => void
}

const QUICK_SECONDS = 60

/**
 * Finds what the row describes: named by its environment variable, on PATH, in the cache, or by installing it.
 *
 * @throws Error when the environment variable names something that cannot be executed: an explicit wish is not ignored.
 */
export async function resolveServer(row: ServerRow, options: ResolveOptions = {}): Promise<Resolution> {
  const { env = process.env, report = toStderr } = options
  const named = env[row.variable]
  if (named !== undefined && named !== '') return located(row, await executable(row.variable, named), 'environment')
  const onPath = row.command === undefined ? undefined : await searchPath(row.command, env)
  if (onPath !== undefined) return located(row, onPath, 'path')

  const folder = await cacheFolder(row, env)
  const cached = join(folder, row.executable)
  if (await isSound(row, folder)) return located(row, cached, 'cache')
  const refusal = refuseInstall(row, options.install ?? 'quick')
  if (refusal !== undefined) return missing(row, refusal)
  report(`installing ${row.name} into ${folder} (about ${row.installSeconds} s)`)
  try {
    await install(row, folder)
  } catch (error) {
    return missing(row, error instanceof Error ? error.message : String(error))
  }
  return located(row, cached, 'install')
}

/** `$XDG_CACHE_HOME/keyfold/servers/<name>-<hash of the lock file>`: outside the checkout, shared by all of them. */
export async function cacheFolder(row: ServerRow, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(row.lockFile))
    .digest('hex')
    .slice(0, 16)
  // A relative XDG_CACHE_HOME is to be ignored, says the XDG specification; an empty one too.
  const given = env['XDG_CACHE_HOME'] ?? ''
  const base = isAbsolute(given) ? given : join(homedir(), '.cache')
  return join(base, 'keyfold', 'servers', `${row.name}-${hash}`)
}

function refuseInstall(row: ServerRow, mode: 'always' | 'quick' | 'never'): string | undefined {
  if (mode === 'never') return 'not installed'
  if (mode === 'quick' && row.installSeconds >= QUICK_SECONDS) return `takes about ${row.installSeconds} s to install`
  return undefined
}

async function executable(variable: string, path: string): Promise<string> {
  if (await isExecutable(path)) return path
  throw new Error(`${variable} names ${path}, which cannot be executed`)
}

async function searchPath(command: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, command)
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function located(row: ServerRow, path: string, from: Located['from']): Located {
  return { state: 'located', name: row.name, executable: path, from }
}

function missing(row: ServerRow, reason: string): Missing {
  return { state: 'missing', name: row.name, reason }
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`)
}
