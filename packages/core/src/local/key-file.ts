import { demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { wipe } from '../secret-bytes.ts'
import { decodeBase64, type KeyFile, parseKeyFileText } from './key-file-format.ts'
import { demandKeyName, formatVersionName, localProviderId } from './key-name.ts'
import { demandPassphrase, openKey, type Passphrase } from './passphrase.ts'
import { type VersionedKey, type VersionedKeyProvider, versionedProvider } from './versioned-key.ts'

/** The names of {@link KeyFileOptions}. */
export const keyFileOptions: ReadonlySet<string> = optionNames<KeyFileOptions>({ name: true, passphrase: true })

/** Which key of a key file, and how the file opens. */
export interface KeyFileOptions {
  /** By default the only key of the file, or the one called `default`. */
  readonly name?: string | undefined
  /** What the file is sealed with; to be given if and only if it is. */
  readonly passphrase?: string | undefined
}

/**
 * A key from a key file's text, wherever it came from: the newest version seals, all open. Needs no file system. A
 * passphrase is tried on first use, not here: then a wrong one is `AUTHENTICATION_FAILED`.
 *
 * The layout is drawn in `key-file-format.ts`; `createLocalKey` makes such a file.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for a malformed file, a passphrase missing or not called for, or no name where one
 *   is needed; `KEY_NOT_FOUND`; `UNSUPPORTED`; `LIMIT_EXCEEDED`
 *
 * @example
 * ```ts
 * import { createEnvelope } from '@keyfold/core'
 * import { parseKeyFile } from '@keyfold/core/local'
 *
 * const version = { version: 1, createdAt: '2026-01-31T12:00:00.000Z', key: btoa('0123456789abcdef0123456789abcdef') }
 * const text = JSON.stringify({ format: 'keyfold-keys', formatVersion: 1, keys: [{ name: 'a', versions: [version] }] })
 * const envelope = createEnvelope({ keys: parseKeyFile(text) })
 * const { openedBy } = await envelope.decrypt(await envelope.encrypt(new Uint8Array(10)))
 * console.log(openedBy.name) // keyfold-local/a
 * ```
 */
export function parseKeyFile(text: string, options: KeyFileOptions = {}): VersionedKeyProvider {
  return versionedProvider(loadKey(text, options))
}

/** {@link parseKeyFile} without the provider around it. */
export function loadKey(text: string, options: KeyFileOptions): VersionedKey {
  demandOptions('a local key', options, keyFileOptions)
  const { name, passphrase } = options
  const file = parseKeyFileText(text)
  const chosen = chooseKey(file, name)
  return versionedKey(file, chosen, demandPassphrase(file, passphrase))
}

/**
 * The name of the key that is meant.
 *
 * @throws KeyfoldError `KEY_NOT_FOUND`, `INVALID_ARGUMENT` where none is named and none is obvious
 */
export function chooseKey({ keys }: KeyFile, name: string | undefined): string {
  if (name !== undefined) {
    if (keys.has(demandKeyName('name', name))) return name
    throw new KeyfoldError('KEY_NOT_FOUND', `key file: it has no key ${JSON.stringify(name)}`)
  }
  const [only = 'default'] = keys.keys()
  if (keys.size === 1) return only
  if (keys.has('default')) return 'default'
  const names = [...keys.keys()].map((known) => JSON.stringify(known)).join(', ')
  throw new KeyfoldError('INVALID_ARGUMENT', `key file: name one of its keys: ${names}`)
}

function versionedKey({ scrypt, keys }: KeyFile, name: string, passphrase: Passphrase | undefined): VersionedKey {
  const rows = keys.get(name) ?? []
  const openers = new Map(
    rows.map((row): [number, () => Promise<KeyProvider>] => {
      if (scrypt === undefined || passphrase === undefined) {
        const provider = Promise.resolve(importKey(name, row.version, decodeBase64(row.material)))
        return [row.version, () => provider]
      }
      const open = async (): Promise<KeyProvider> =>
        importKey(name, row.version, await openKey(await passphrase.keyFor(scrypt), { ...row, name }))
      return [row.version, once(open)]
    }),
  )
  const { version: newest, createdAt } = rows.at(-1) ?? { version: 0, createdAt: '' }
  return { name, newest, createdAt, versions: rows.length, version: (version) => openers.get(version)?.() }
}

/** Wipes the bytes: the provider has a copy. */
function importKey(name: string, version: number, key: Uint8Array): KeyProvider {
  try {
    return rawAes({ namespace: localProviderId, name: formatVersionName(name, version), key })
  } finally {
    wipe(key)
  }
}

/** Runs once, on first use; a failure is not kept. */
function once<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= run().catch((error: unknown) => {
      result = undefined
      throw error
    })
    return result
  }
}
