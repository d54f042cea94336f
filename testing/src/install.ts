import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ServerRow } from './server-row.ts'

const run = promisify(execFile)

const STEP_TIMEOUT_MS = 15 * 60_000
const ABANDONED_MS = 60 * 60_000

/**
 * Installs the row into the folder, which then exists whole or not at all: the work is done in a temporary sibling, and
 * a rename ends it. Of two processes at once, one works and the other waits for it; should both work all the same, the
 * first rename wins and the other takes what is there.
 */
export async function install(row: ServerRow, folder: string): Promise<void> {
  const parent = dirname(folder)
  await mkdir(parent, { recursive: true })
  const release = await lock(row, folder)
  let work: string | undefined
  try {
    if (await isSound(row, folder)) return
    await sweep(parent, basename(folder))
    work = await mkdtemp(join(parent, `.${basename(folder)}-`))
    const fresh = join(work, 'new')
    for (const { command, args } of row.steps(fresh)) await step(command, args)
    if (!(await isSound(row, fresh))) throw new Error('its check fails after the installation')
    await replace(row, folder, fresh, work)
  } finally {
    if (work !== undefined) await rm(work, { recursive: true, force: true })
    await release()
  }
}

/** Whether the folder holds an installation whose check passes. */
export async function isSound(row: ServerRow, folder: string): Promise<boolean> {
  return run(join(folder, row.executable), [...row.check], { timeout: 30_000 }).then(
    () => true,
    () => false,
  )
}

async function step(command: string, args: readonly string[]): Promise<void> {
  try {
    await run(command, [...args], { timeout: STEP_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string } // execFile's documented rejection
    const said = (stderr ?? '').trim().split('\n').at(-1) ?? ''
    const why = code === 'ENOENT' ? `${command} is not on this machine` : `${basename(command)} failed: ${said}`
    throw new Error(why, { cause: error })
  }
}

async function replace(row: ServerRow, folder: string, fresh: string, work: string): Promise<void> {
  // Without the lock (its wait has an end) another process may have been faster: do not take its folder away.
  if (await isSound(row, folder)) return
  try {
    // A folder that is there and not sound goes out of the way; usually there is none.
    await rename(folder, join(work, 'old'))
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error
  }
  try {
    await rename(fresh, folder)
  } catch (error) {
    if (!(await isSound(row, folder))) throw error
  }
}

/** Spares the second process the work; what keeps the folder whole is the rename. */
async function lock(row: ServerRow, folder: string): Promise<() => Promise<void>> {
  const path = join(dirname(folder), `.${basename(folder)}.lock`)
  const release = async (): Promise<void> => rm(path, { force: true })
  const patience = Date.now() + Math.max(60, 10 * row.installSeconds) * 1000
  while (Date.now() < patience) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      return release
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
    }
    if (await isDead(path)) await release()
    else await wait(200)
  }
  return async () => undefined
}

async function isDead(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''))
  // Empty for the instant between the file's creation and its content, or gone already: look again.
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return isCode(error, 'ESRCH')
  }
}

/** Working folders of processes that were killed. */
async function sweep(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(`.${name}-`)) continue
    const path = join(parent, entry)
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true })
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
