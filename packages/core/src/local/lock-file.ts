import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeyfoldError } from '../errors.ts'
import { systemCode } from '../system-error.ts'

/*
 * One writer at a time: `PATH.lock` beside the key file, created exclusively, holding "TOKEN PID HOST". It is held for a few
 * milliseconds (scrypt runs before), so whoever waits, waits for other writers.
 *
 * A process that is killed in those milliseconds leaves it behind. Nobody takes it away on a guess: a process id says
 * nothing across containers and machines that share the folder, and a lock that is broken wrongly loses a key. The waiter
 * gives up instead, and says which file to remove and who made it.
 */

/** How long a writer waits for the others. */
const patienceMs = 5_000
const intervalMs = 20

/**
 * Runs `work` while holding the lock.
 *
 * @param waitMs how long to wait for other writers
 * @throws KeyfoldError `CONFLICT`, retryable, where the lock stays taken
 */
export async function withLock<T>(path: string, work: () => Promise<T>, waitMs: number = patienceMs): Promise<T> {
  const lock = `${path}.lock`
  const content = `${randomUUID()} ${process.pid} ${hostname()}`
  const deadline = performance.now() + waitMs
  while (!(await take(lock, content))) {
    if (performance.now() >= deadline) throw await taken(path, lock)
    await sleep(intervalMs + Math.random() * intervalMs)
  }
  try {
    return await work()
  } finally {
    // Somebody may have removed it by hand, and somebody else taken it.
    if ((await read(lock)) === content) await rm(lock, { force: true })
  }
}

async function take(lock: string, content: string): Promise<boolean> {
  const file = await create(lock)
  if (file === undefined) return false
  try {
    try {
      await file.writeFile(content)
    } finally {
      await file.close()
    }
  } catch (error) {
    // The disk is full, say: a lock left now would keep all writers out for good, and name no holder.
    await rm(lock, { force: true })
    throw error
  }
  return true
}

/** @returns undefined where it is there already */
async function create(lock: string): Promise<FileHandle | undefined> {
  try {
    return await open(lock, 'wx', 0o600)
  } catch (error) {
    // Windows answers EPERM while another process removes the file.
    const code = systemCode(error)
    if (code === 'EEXIST' || (code === 'EPERM' && process.platform === 'win32')) return undefined
    throw error
  }
}

async function taken(path: string, lock: string): Promise<KeyfoldError> {
  const [, pid, host] = (await read(lock))?.split(' ') ?? []
  const holder = pid === undefined || host === undefined ? 'another process' : `process ${pid} on ${host}`
  const message = `key file ${path}: ${holder} is changing it; if that process is gone, remove ${lock}`
  return new KeyfoldError('CONFLICT', message, { retryable: true })
}

async function read(lock: string): Promise<string | undefined> {
  try {
    return await readFile(lock, 'utf8')
  } catch {
    return undefined // gone by now
  }
}
