import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { resolve } from 'node:path'
import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { fileError } from './file-error.ts'
import { type KeyFile, parseKeyFileText } from './key-file-format.ts'

/** A key file as it was read. */
export interface ReadKeyFile {
  readonly text: string
  readonly file: KeyFile
  readonly stats: Stats
}

/** Room for tens of thousands of keys. */
const maxFileBytes = 16 * 2 ** 20

/**
 * Reads and checks a key file at once.
 *
 * @throws KeyfoldError `KEY_NOT_FOUND` for no file; `POLICY_VIOLATION` for one that others have a right to and no passphrase
 *   seals; `LIMIT_EXCEEDED`; as `parseKeyFile`
 */
export function readKeyFile(path: string): ReadKeyFile {
  const { bytes, stats } = readBytes(path)
  const text = decodeText(path, bytes)
  const file = parseKeyFileText(text)
  if (file.scrypt === undefined) demandPrivate(path, stats)
  return { text, file, stats }
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function absolutePath(path: string): string {
  if (typeof path === 'string' && !path.includes('\0')) return resolve(path)
  throw new KeyfoldError('INVALID_ARGUMENT', 'a key file: expected its path')
}

function readBytes(path: string): { readonly bytes: Uint8Array; readonly stats: Stats } {
  let descriptor: number | undefined
  try {
    // A pipe is refused below; without O_NONBLOCK (which Windows lacks) opening it would wait for its writer.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw new KeyfoldError('INVALID_ARGUMENT', `key file ${path}: it is no regular file`)
    if (stats.size > maxFileBytes) {
      throw new KeyfoldError('LIMIT_EXCEEDED', `key file ${path}: ${stats.size} bytes, at most ${maxFileBytes}`)
    }
    return { bytes: readFileSync(descriptor), stats }
  } catch (error) {
    throw fileError(path, error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Strictly: a rotation would write back whatever stood in for ill-formed bytes. Wipes the bytes. */
function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new KeyfoldError('INVALID_ARGUMENT', `key file ${path}: it is not UTF-8: save it in that encoding`)
  } finally {
    wipe(bytes)
  }
}

/** Who can read an open key has it, and who can write it can put another in its place. Windows has no such bits. */
function demandPrivate(path: string, { mode }: Stats): void {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return
  const rights = (mode & 0o777).toString(8).padStart(3, '0')
  throw new KeyfoldError(
    'POLICY_VIOLATION',
    `key file ${path}: its mode ${rights} lets others at the keys: chmod 600 it, or seal it with a passphrase`,
  )
}
