import { randomUUID } from 'node:crypto'
import { type FileHandle, link, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { KeyfoldError } from '@keyfold/core'
import { demandNotInterrupted, fileFailure, systemCode } from './failure.ts'
import { type Surroundings, writeToStdout } from './surroundings.ts'

/** Where a result goes, as the command line says it. */
export interface OutputOptions {
  /** A file, or `-` for standard output. */
  readonly output: string
  /** Whether a file that is there is replaced. */
  readonly force: boolean
  /** Rights of a new file, before the umask; `kept`: those of the file that is replaced. Plaintext is the owner's alone. */
  readonly mode: number | 'kept'
}

/** Where a result goes: a place that was free, or may be overwritten, when it was chosen. */
export interface Target extends OutputOptions {
  /** The file, once symbolic links are followed (renaming onto a link would replace the link); undefined for standard output. */
  readonly path: string | undefined
  /** Rights of the file that is there. */
  readonly modeBefore?: number
}

/** Takes part of the result, once it is verified. */
export type WriteResult = (bytes: Uint8Array) => Promise<void>

/**
 * Where the result can go, which is known before any key is asked.
 *
 * @throws KeyfoldError `CONFLICT` for a target that is there, `INVALID_ARGUMENT` for one that force would not overwrite
 */
export async function chooseTarget(options: OutputOptions): Promise<Target> {
  const { output, force } = options
  if (output === '-') return { ...options, path: undefined }
  const absolute = resolve(output)
  const isLink = await linkAt(output, absolute)
  if (isLink === undefined) return { ...options, path: absolute }
  try {
    const stats = await stat(absolute)
    // Renaming onto a device or pipe would replace it, for the whole machine perhaps, and onto a descriptor's file what a shell writes to.
    if (!stats.isFile() || /^\/(dev\/(fd|std)|proc\/)/.test(absolute)) {
      throw new KeyfoldError('INVALID_ARGUMENT', `${output}: it is no regular file; - is standard output`)
    }
    if (!force) throw new KeyfoldError('CONFLICT', `${output}: it exists already; --force overwrites it`)
    return { ...options, path: await realpath(absolute), modeBefore: stats.mode & 0o777 }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileFailure(output, error)
    // Not made by --force either: whoever made the link may have meant another file.
    if (isLink) throw new KeyfoldError('INVALID_ARGUMENT', `${output}: it is a symbolic link to nothing`)
    return { ...options, path: absolute } // removed just now
  }
}

/** @throws KeyfoldError `INVALID_ARGUMENT` where a message would be written to a terminal */
export function demandNoTerminal(output: string, { stdout }: Surroundings): void {
  if (output !== '-' || stdout.isTTY !== true) return
  throw new KeyfoldError('INVALID_ARGUMENT', 'a message is bytes, not text for a terminal: name a file with --output')
}

/**
 * Runs `produce` and puts what it writes in place, whole or not at all: into a temporary file beside the target, renamed when
 * `produce` has returned and removed when it has thrown. What is written to standard output is there at once.
 */
export async function withOutput<T>(
  target: Target,
  surroundings: Surroundings,
  produce: (write: WriteResult) => Promise<T>,
): Promise<T> {
  const { output, path } = target
  const { signal } = surroundings
  if (path === undefined) return produce((bytes) => writeToStdout(surroundings, bytes))
  // Names end at 255 bytes on most file systems: 64 UTF-16 units are at most 192.
  const temporary = join(dirname(path), `.${basename(path).slice(0, 64)}.${randomUUID()}.tmp`)
  const file = await openTemporary(target, temporary)
  try {
    const result = await produce((bytes) => writeAll(output, file, bytes, signal))
    demandNotInterrupted(signal)
    await putInPlace(target, path, file, temporary)
    return result
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
}

/** Whether what is there is a symbolic link; undefined where nothing is. */
async function linkAt(output: string, path: string): Promise<boolean | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileFailure(output, error)
  }
}

async function openTemporary({ output, mode, modeBefore }: Target, temporary: string): Promise<FileHandle> {
  try {
    if (mode !== 'kept') return await open(temporary, 'wx', mode)
    const file = await open(temporary, 'wx', 0o600)
    if (modeBefore !== undefined) await file.chmod(modeBefore)
    return file
  } catch (error) {
    throw fileFailure(output, error)
  }
}

async function writeAll(output: string, file: FileHandle, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  demandNotInterrupted(signal)
  try {
    await file.writeFile(bytes)
  } catch (error) {
    throw fileFailure(output, error)
  }
}

async function putInPlace(
  { output, force }: OutputOptions,
  path: string,
  file: FileHandle,
  temporary: string,
): Promise<void> {
  try {
    await file.sync()
    await file.close()
    // A link does not replace what came to be there meanwhile, as a renaming would.
    if (force || !(await linked(temporary, path))) await rename(temporary, path)
  } catch (error) {
    throw fileFailure(output, error)
  }
}

/** @returns false on file systems without hard links */
async function linked(temporary: string, target: string): Promise<boolean> {
  try {
    await link(temporary, target)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw error
    return false
  }
  await rm(temporary)
  return true
}
