import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { KeyProvider } from '../keys/key-provider.ts'
import type { Opened } from '../message/decrypt.ts'
import { createEnvelope } from '../message/envelope.ts'
import { formatBase64 } from '../wire/bytes.ts'
import { formatKeyFileText, type StoredScrypt } from './key-file-format.ts'
import { passphraseOf, sealKey } from './passphrase.ts'

export const createdAt = '2026-01-31T12:00:00.000Z'

/** A scrypt that costs nothing. */
export const cheapScrypt: StoredScrypt = { N: 16, r: 8, p: 1, salt: formatBase64(new Uint8Array(16).fill(7)) }

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-local-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A key file's text: each name with this many versions, whose keys are told apart by their bytes. */
export function openFileText(keys: Readonly<Record<string, number>>): string {
  const rows = Object.entries(keys).map(
    ([name, count], index): [string, { version: number; createdAt: string; material: string }[]] => [
      name,
      Array.from({ length: count }, (_, at) => {
        return { version: at + 1, createdAt, material: formatBase64(keyBytes(index, at)) }
      }),
    ],
  )
  return formatKeyFileText({ scrypt: undefined, keys: new Map(rows) })
}

/** The same keys, sealed with a passphrase. */
export async function sealedFileText(keys: Readonly<Record<string, number>>, passphrase: string): Promise<string> {
  const sealing = await passphraseOf(passphrase).keyFor(cheapScrypt)
  const rows = new Map<string, { version: number; createdAt: string; material: string }[]>()
  for (const [index, [name, count]] of Object.entries(keys).entries()) {
    const versions: { version: number; createdAt: string; material: string }[] = []
    for (let at = 0; at < count; at++) {
      const row = { name, version: at + 1, createdAt }
      versions.push({ version: at + 1, createdAt, material: await sealKey(sealing, row, keyBytes(index, at)) })
    }
    rows.set(name, versions)
  }
  return formatKeyFileText({ scrypt: cheapScrypt, keys: rows })
}

export function keyBytes(index: number, at: number): Uint8Array {
  return new Uint8Array(32).fill(16 * index + at + 1)
}

export const plaintext: Uint8Array = new TextEncoder().encode('order 7')

export function sealWith(keys: KeyProvider): Promise<Uint8Array> {
  return createEnvelope({ keys }).encrypt(plaintext, { context: { tenant: 't-42' } })
}

export function openWith(keys: KeyProvider, message: Uint8Array): Promise<Opened> {
  return createEnvelope({ keys }).decrypt(message, { context: { tenant: 't-42' } })
}
