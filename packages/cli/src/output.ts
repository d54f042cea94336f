import { randomUUID } from 'node:crypto'
import { type FileHandle, link, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import { fileFailure } from './failure.ts'
import { type Surroundings, writeTo } from './surroundings.ts'

/** Where a result goes, and with what rights. */
export interface OutputOptions {
  /** A file, or `-` for standard output. */
  readonly output: string
  /** Whether a file that is there is replaced. */
  readonly force: boolean
  /** Rights of a new file, before the umask. Plaintext is the owner's alone. */
  readonly mode: number
}

/** Takes the result, once it is verified. */
export type WriteResult = (bytes: Uint8Array) => Promise<void>

/**
 * Runs `produce` and puts what it writes in place, whole or not at all: into a temporary file beside the target, renamed when
 * `produce` has returned and removed when it has thrown. Whether the target can be written is known before `produce` runs,
 * and so before any key is asked.
 *
 * @throws KeyfoldError `CONFLICT` for a target that is there, `INVALID_ARGUMENT` for one that is no regular file
 */
export async function withOutput<T>(
  { output, force, mode }: OutputOptions,
  { stdout, signal }: Surroundings,
  produce: (write: WriteResult) => Promise<T>,
): Promise<T> {
  if (output === '-') return produce((bytes) => writeToStdout(stdout, bytes))
  const target = await findTarget(output, force)
  const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomUUID()}.tmp`)
  const file = await openTemporary(output, temporary, mode)
  try {
    const result = await produce((bytes) => writeAll(output, file, bytes, signal))
    demandNotInterrupted(signal)
    await putInPlace(output, { file, temporary, target, force })
    return result
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
}

function demandNotInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new KeyfoldError('ABORTED', 'interrupted')
}

/** Nothing of a failed write may stay unsaid: a reader that is gone would otherwise look like success. */
async function writeToStdout(stdout: Surroundings['stdout'], bytes: Uint8Array): Promise<void> {
  try {
    await writeTo(stdout, bytes)
  } catch (error) {
    throw fileFailure('standard output', error)
  }
}

/** The target once symbolic links are followed: renaming onto a link would replace the link. */
async function findTarget(output: string, force: boolean): Promise<string> {
  const absolute = resolve(output)
  if (!(await exists(output, absolute))) return absolute
  if (!force) throw new KeyfoldError('CONFLICT', `${output}: it exists already; --force overwrites it`)
  try {
    const target = await realpath(absolute)
    // Renaming onto a device or pipe would replace it, for the whole machine perhaps.
    if ((await stat(target)).isFile()) return target
  } catch (error) {
    throw fileFailure(output, error)
  }
  throw new KeyfoldError('INVALID_ARGUMENT', `${output}: it is no regular file; - is standard output`)
}

async function exists(output: string, path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    const failure = fileFailure(output, error)
    if (failure.cause instanceof Error && 'code' in failure.cause && failure.cause.code === 'ENOENT') return false
    throw failure
  }
}

async function openTemporary(output: string, temporary: string, mode: number): Promise<FileHandle> {
  try {
    return await open(temporary, 'wx', mode)
  } catch (error) {
    throw fileFailure(output, error)
  }
}

/** So much between two looks at the signal. */
const pieceBytes = 2 ** 22

async function writeAll(output: string, file: FileHandle, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  try {
    for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
      demandNotInterrupted(signal)
      await file.writeFile(bytes.subarray(offset, offset + pieceBytes))
    }
  } catch (error) {
    throw fileFailure(output, error)
  }
}

interface Finished {
  readonly file: FileHandle
  readonly temporary: string
  readonly target: string
  readonly force: boolean
}

async function putInPlace(output: string, { file, temporary, target, force }: Finished): Promise<void> {
  try {
    await file.sync()
    await file.close()
    // A link does not replace what came to be there meanwhile, as a renaming would.
    if (force || !(await linked(temporary, target))) await rename(temporary, target)
  } catch (error) {
    throw fileFailure(output, error)
  }
}

/** @returns false on file systems without hard links */
async function linked(temporary: string, target: string): Promise<boolean> {
  try {
    await link(temporary, target)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw error
    return false
  }
  await rm(temporary)
  return true
}
