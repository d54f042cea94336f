import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, lstat, open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KeyfoldError } from '../errors.ts'
import { systemCode } from '../system-error.ts'
import { fileError } from './file-error.ts'
import { absolutePath } from './read-key-file.ts'

/**
 * Puts a key file in place whole or not at all: written beside it, forced to the disk, renamed over it. Mode 0600, or the
 * mode and owner of the file that it replaces, so that a rotation by root does not lock its reader out.
 *
 * @param path without symbolic links: renaming would replace the link
 * @param replaced the file that is there now, if any
 */
export async function writeKeyFile(path: string, text: string, replaced: Stats | undefined): Promise<void> {
  const temporary = join(dirname(path), temporaryName(basename(path)))
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      if (replaced !== undefined) await keepRights(file, replaced)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw fileError(path, error)
  }
}

/** Whose it is can be seen. Names end at 255 bytes on most file systems: 64 UTF-16 units are at most 192 bytes of UTF-8. */
function temporaryName(name: string): string {
  return `.${name.slice(0, 64)}.${randomUUID()}.tmp`
}

async function keepRights(file: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  if (process.platform === 'win32') return
  const now = await file.stat()
  if (now.uid !== uid || now.gid !== gid) await file.chown(uid, gid)
  await file.chmod(mode & 0o777)
}

/** Without this a crash may forget the rename, and with it a key that already seals. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // folders cannot be opened there
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Where a key file is, or is to be, once symbolic links are followed.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` where its folder does not exist, or it is a link to nothing
 */
export async function realKeyFilePath(path: string): Promise<string> {
  const absolute = absolutePath(path)
  const real = await realPath(absolute)
  if (real !== undefined) return real
  const folder = await realFolder(absolute)
  if ((await lstatIfThere(absolute))?.isSymbolicLink() !== true) return join(folder, basename(absolute))
  throw new KeyfoldError('INVALID_ARGUMENT', `key file ${path}: it is a symbolic link to nothing`)
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch {
    return undefined // nothing there; any other trouble shows when the file is written
  }
}

async function realFolder(path: string): Promise<string> {
  const folder = await realPath(dirname(path))
  if (folder !== undefined) return folder
  throw new KeyfoldError('INVALID_ARGUMENT', `key file ${path}: its folder does not exist`)
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError(path, error)
  }
}
