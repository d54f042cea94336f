import { resolve } from 'node:path'
import type { KeyProvider } from '../keys/key-provider.ts'
import { type KeyFileOptions, loadKey } from './key-file.ts'
import { type ReadKeyFile, readKeyFile } from './read-key-file.ts'
import { versionedProvider } from './versioned-key.ts'

/**
 * A key from a key file: the newest version seals, all open. The file is read here, and read again when a message arrives
 * that names a version which the file did not have: another process rotated the key. From then on that version seals.
 *
 * A passphrase is tried on first use, not here: then a wrong one is `AUTHENTICATION_FAILED`. Its scrypt takes 128 MiB and
 * some tenths of a second, once.
 *
 * @param path relative to the working directory of now
 * @throws KeyfoldError `KEY_NOT_FOUND` for no such file or key; `POLICY_VIOLATION` for a file that group or others have a
 *   right to and no passphrase seals; `INVALID_ARGUMENT` for a malformed file, a passphrase missing or not called for, or no
 *   name where one is needed; `ACCESS_DENIED`, `UNSUPPORTED`, `LIMIT_EXCEEDED`
 */
export function localKeys(path: string, options: KeyFileOptions = {}): KeyProvider {
  const absolute = resolve(path)
  let read = readKeyFile(absolute)
  const key = loadKey(read.text, options)
  return versionedProvider(key, async () => {
    const now = readKeyFile(absolute)
    // Anybody can write a message that names another version: a file that has not changed costs no scrypt again.
    if (isSameFile(now, read)) return undefined
    read = now
    return loadKey(now.text, { ...options, name: key.name })
  })
}

function isSameFile({ stats: a }: ReadKeyFile, { stats: b }: ReadKeyFile): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs
}
