import type { CallOptions } from '../keys/key-provider.ts'
import { type KeyFileOptions, loadKey } from './key-file.ts'
import { absolutePath, type ReadKeyFile, readKeyFile } from './read-key-file.ts'
import { type VersionedKeyHealth, type VersionedKeyProvider, versionedProvider } from './versioned-key.ts'

/** What is known of a key from a key file, and of the file as it is now. */
export interface LocalKeyHealth extends VersionedKeyHealth {
  /** Whether a passphrase seals the file. */
  readonly sealed: boolean
  /** The file's rights as chmod takes them, such as `600`; absent on Windows. */
  readonly mode?: string
}

/** A key from a key file, as a provider. */
export interface LocalKeyProvider extends VersionedKeyProvider {
  /**
   * Looks at the file again.
   *
   * @throws KeyfoldError `KEY_NOT_FOUND`, `ACCESS_DENIED`, `POLICY_VIOLATION` for a file that is no longer there, or no longer
   *   fit; `AUTHENTICATION_FAILED` for a wrong passphrase
   */
  describe(options: CallOptions): Promise<LocalKeyHealth>
}

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
 *   name where one is needed; `ACCESS_DENIED`, `UNSUPPORTED`, `LIMIT_EXCEEDED`, `UNAVAILABLE`, `UNKNOWN`
 */
export function localKeys(path: string, options: KeyFileOptions = {}): LocalKeyProvider {
  const absolute = absolutePath(path)
  let read = readKeyFile(absolute)
  const key = loadKey(read.text, options)
  const provider = versionedProvider(key, async () => {
    const now = readKeyFile(absolute)
    // Anybody can write a message that names another version: a file that has not changed costs no scrypt again.
    if (isSameFile(now, read)) return undefined
    read = now
    return loadKey(now.text, { ...options, name: key.name })
  })
  return {
    ...provider,
    describe: async (call) => ({ ...(await provider.describe(call)), ...fileHealth(readKeyFile(absolute)) }),
  }
}

/** A file that others have rights to is read only where a passphrase seals it: then they can still spoil it, or guess. */
function fileHealth({ file, stats }: ReadKeyFile): Pick<LocalKeyHealth, 'sealed' | 'mode' | 'concerns'> {
  const sealed = file.scrypt !== undefined
  if (process.platform === 'win32') return { sealed }
  const mode = (stats.mode & 0o777).toString(8).padStart(3, '0')
  return { sealed, mode, concerns: (stats.mode & 0o077) === 0 ? [] : ['exposed-file'] }
}

function isSameFile({ stats: a }: ReadKeyFile, { stats: b }: ReadKeyFile): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs
}
