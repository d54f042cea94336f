import { engine, wrapping } from '#engine'
import type { AesKey } from '../crypto/wrapping.ts'
import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { ivLength } from '../suite/table.ts'
import { concat, formatBase64 } from '../wire/bytes.ts'
import { decodeBase64, type KeyFile, type StoredScrypt, type StoredVersion } from './key-file-format.ts'

/** Seals and opens the keys of a file under its passphrase. */
export interface Passphrase {
  /** The key that a file's scrypt derives: computed on first use, once for as long as the file's parameters stay. */
  keyFor(scrypt: StoredScrypt): Promise<AesKey>
}

/** RFC 7914's parameters as they are advised today: 128 MiB, and some tenths of a second. */
export function newScrypt(): StoredScrypt {
  return { N: 2 ** 17, r: 8, p: 1, salt: formatBase64(engine.randomBytes(16)) }
}

/** @throws KeyfoldError `INVALID_ARGUMENT` for text that is empty or ill-formed */
export function passphraseOf(text: unknown): Passphrase {
  if (typeof text !== 'string' || text === '' || !text.isWellFormed()) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'passphrase: expected well-formed text that is not empty')
  }
  // The same accented letter is one character on one system and two on another. Source: RFC 8265, section 4.2.2
  const passphrase = text.normalize('NFC')
  let latest: { readonly id: string; readonly key: Promise<AesKey> } | undefined
  return {
    async keyFor(scrypt) {
      const id = JSON.stringify([scrypt.N, scrypt.r, scrypt.p, scrypt.salt])
      if (latest?.id === id) return latest.key
      const derived = { id, key: derive(passphrase, scrypt) }
      latest = derived
      try {
        return await derived.key
      } catch (error) {
        // Want of memory passes: the next use tries again.
        if (latest === derived) latest = undefined
        throw error
      }
    },
  }
}

async function derive(passphrase: string, { N, r, p, salt }: StoredScrypt): Promise<AesKey> {
  const key = await wrapping.scrypt(passphrase, { N, r, p, salt: decodeBase64(salt) })
  try {
    return wrapping.importAesKey(key)
  } finally {
    wipe(key)
  }
}

/** The passphrase that goes with a file, if any. @throws KeyfoldError `INVALID_ARGUMENT` where they do not go together */
export function demandPassphrase(file: KeyFile, text: string | undefined): Passphrase | undefined {
  if (file.scrypt === undefined && text !== undefined) {
    // Whoever can write the file could otherwise put an open one of their own in its place.
    throw new KeyfoldError('INVALID_ARGUMENT', 'key file: it is not sealed with a passphrase, but one was given')
  }
  if (file.scrypt !== undefined && text === undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'key file: it is sealed with a passphrase, and none was given')
  }
  return text === undefined ? undefined : passphraseOf(text)
}

/** A key as it stands in a sealed file. */
export async function sealKey(sealing: AesKey, row: Omit<SealedRow, 'material'>, key: Uint8Array): Promise<string> {
  const iv = engine.randomBytes(ivLength)
  return formatBase64(concat([iv, await sealing.seal(iv, aadOf(row), key)]))
}

/** The caller owns the key. @throws KeyfoldError `AUTHENTICATION_FAILED` */
export async function openKey(sealing: AesKey, row: SealedRow): Promise<Uint8Array> {
  const sealed = decodeBase64(row.material)
  try {
    return await sealing.open(sealed.subarray(0, ivLength), aadOf(row), sealed.subarray(ivLength))
  } catch (cause) {
    if (!KeyfoldError.is(cause) || cause.code !== 'AUTHENTICATION_FAILED') throw cause
    throw new KeyfoldError('AUTHENTICATION_FAILED', 'key file: the passphrase is wrong, or the file was altered')
  }
}

interface SealedRow extends StoredVersion {
  readonly name: string
}

function aadOf({ name, version, createdAt }: Omit<SealedRow, 'material'>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify([name, version, createdAt]))
}
