import { engine } from '#engine'
import type { AesKey } from '../crypto/wrapping.ts'
import { demandOptions } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { systemCode } from '../system-error.ts'
import { formatBase64 } from '../wire/bytes.ts'
import { fileError } from './file-error.ts'
import { chooseKey, type KeyFileOptions, keyFileOptions } from './key-file.ts'
import { formatKeyFileText, type KeyFile, keyLength, type StoredVersion } from './key-file-format.ts'
import { demandKeyName, maxVersion } from './key-name.ts'
import { withLock } from './lock-file.ts'
import { demandPassphrase, newScrypt, openKey, type Passphrase, passphraseOf, sealKey } from './passphrase.ts'
import { absolutePath, type ReadKeyFile, readKeyFile } from './read-key-file.ts'
import { realKeyFilePath, writeKeyFile } from './write-key-file.ts'

/** One version of a key, without the key. */
export interface LocalKeyVersion {
  readonly name: string
  readonly version: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** What a key file holds, without the keys. */
export interface LocalKeyList {
  /** Whether a passphrase seals the file. */
  readonly sealed: boolean
  /** In the order of the file; `versions` ascending, the last one seals. */
  readonly keys: readonly { readonly name: string; readonly versions: readonly LocalKeyVersion[] }[]
}

/**
 * Adds a key to a key file, which is made, with mode 0600, if there is none. Never replaces a key.
 *
 * @param options `name` is `default` by default. A `passphrase` seals a new file; for one that is there, it must be that
 *   file's
 * @returns version 1 of the new key
 * @throws KeyfoldError `CONFLICT` where the name is taken, or another process holds the file (then retryable);
 *   `AUTHENTICATION_FAILED` for a wrong passphrase; `INVALID_ARGUMENT`, `POLICY_VIOLATION`, `ACCESS_DENIED`, `UNSUPPORTED`,
 *   `LIMIT_EXCEEDED`, `UNAVAILABLE`, `UNKNOWN`
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { createLocalKey, localKeys, rotateLocalKey } from '@keyfold/core/local'
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'keyfold-')), 'keys.json')
 * await createLocalKey(path)
 * const { version } = await rotateLocalKey(path)
 * console.log(version, localKeys(path).name) // 2 keyfold-local/default
 * ```
 */
export async function createLocalKey(path: string, options: KeyFileOptions = {}): Promise<LocalKeyVersion> {
  demandOptions('createLocalKey', options, keyFileOptions)
  const name = demandKeyName('createLocalKey: name', options.name ?? 'default')
  return addVersion(path, options.passphrase, (file) => {
    if (file?.keys.has(name)) {
      throw new KeyfoldError('CONFLICT', `key file ${path}: it has a key ${JSON.stringify(name)} already; rotate it`)
    }
    return { name, version: 1, createdAt: new Date().toISOString() }
  })
}

/**
 * Adds a version to a key of a key file. The new one seals from now on, the old ones still open.
 *
 * @param options `name` is by default the only key of the file, or the one called `default`
 * @returns the new version
 * @throws KeyfoldError `KEY_NOT_FOUND`; as {@link createLocalKey}
 */
export async function rotateLocalKey(path: string, options: KeyFileOptions = {}): Promise<LocalKeyVersion> {
  demandOptions('rotateLocalKey', options, keyFileOptions)
  return addVersion(path, options.passphrase, (file) => {
    if (file === undefined) throw new KeyfoldError('KEY_NOT_FOUND', `key file ${path}: there is no such file`)
    const name = chooseKey(file, options.name)
    const version = (file.keys.get(name)?.at(-1)?.version ?? 0) + 1
    if (version > maxVersion) throw new KeyfoldError('LIMIT_EXCEEDED', `version ${version}: at most ${maxVersion}`)
    return { name, version, createdAt: new Date().toISOString() }
  })
}

/**
 * The names and versions in a key file. Needs no passphrase.
 *
 * @throws KeyfoldError `KEY_NOT_FOUND`, `POLICY_VIOLATION`, `INVALID_ARGUMENT`, `ACCESS_DENIED`, `UNSUPPORTED`,
 *   `LIMIT_EXCEEDED`, `UNAVAILABLE`, `UNKNOWN`
 */
export async function listLocalKeys(path: string): Promise<LocalKeyList> {
  const { file } = readKeyFile(absolutePath(path))
  const keys = [...file.keys].map(([name, rows]) => ({
    name,
    versions: rows.map(({ version, createdAt }) => ({ name, version, createdAt })),
  }))
  return { sealed: file.scrypt !== undefined, keys }
}

/** @param plan names the version to add, from the file as it is (undefined for none); called twice, the file may have changed */
async function addVersion(
  path: string,
  passphraseText: string | undefined,
  plan: (file: KeyFile | undefined) => LocalKeyVersion,
): Promise<LocalKeyVersion> {
  const passphrase = passphraseText === undefined ? undefined : passphraseOf(passphraseText)
  const checkedPlan = (file: KeyFile | undefined): LocalKeyVersion => {
    if (file !== undefined) demandPassphrase(file, passphraseText)
    return plan(file)
  }
  const target = await realKeyFilePath(path)
  const before = readIfThere(target)?.file
  checkedPlan(before)
  const scrypt = before === undefined ? passphrase && newScrypt() : before.scrypt
  // Some tenths of a second: spent before others have to wait for the lock.
  if (scrypt !== undefined) await passphrase?.keyFor(scrypt)
  try {
    return await withLock(target, async () => {
      const there = readIfThere(target)
      const added = checkedPlan(there?.file)
      const file = there?.file ?? { scrypt, keys: new Map() }
      const material = await newMaterial(added, await sealingKey(file, passphrase))
      await writeKeyFile(target, formatKeyFileText(withVersion(file, added, material)), there?.stats)
      return added
    })
  } catch (error) {
    throw fileError(target, error)
  }
}

function readIfThere(path: string): ReadKeyFile | undefined {
  try {
    return readKeyFile(path)
  } catch (error) {
    if (KeyfoldError.is(error) && systemCode(error.cause) === 'ENOENT') return undefined
    throw error
  }
}

/** The key that seals the file's keys, tried on one of them: two passphrases in one file would lose its keys. */
async function sealingKey({ scrypt, keys }: KeyFile, passphrase: Passphrase | undefined): Promise<AesKey | undefined> {
  if (scrypt === undefined || passphrase === undefined) return undefined
  const key = await passphrase.keyFor(scrypt)
  const [[name, [row]] = ['', []]] = keys
  if (row !== undefined) wipe(await openKey(key, { ...row, name }))
  return key
}

async function newMaterial(added: LocalKeyVersion, sealing: AesKey | undefined): Promise<string> {
  const key = engine.randomBytes(keyLength)
  try {
    return sealing === undefined ? formatBase64(key) : await sealKey(sealing, added, key)
  } finally {
    wipe(key)
  }
}

function withVersion(file: KeyFile, { name, version, createdAt }: LocalKeyVersion, material: string): KeyFile {
  const added: StoredVersion = { version, createdAt, material }
  return { scrypt: file.scrypt, keys: new Map([...file.keys, [name, [...(file.keys.get(name) ?? []), added]]]) }
}
