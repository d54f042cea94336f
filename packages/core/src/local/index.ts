/**
 * Keys in a file of this machine: for development, for a single server, and for the copy of a message that must open
 * without any key service. Whoever has the file (and its passphrase, where it has one) opens every message.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { createEnvelope } from '@keyfold/core'
 * import { createLocalKey, localKeys } from '@keyfold/core/local'
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'keyfold-')), 'keys.json')
 * await createLocalKey(path, { name: 'orders' })
 * const envelope = createEnvelope({ keys: localKeys(path, { name: 'orders' }) })
 * const sealed = await envelope.encrypt(new TextEncoder().encode('order 7'), { context: { tenant: 't-42' } })
 * const { plaintext } = await envelope.decrypt(sealed, { context: { tenant: 't-42' } })
 * console.log(new TextDecoder().decode(plaintext)) // order 7
 * ```
 *
 * @module
 */
export { type KeyFileOptions, parseKeyFile } from './key-file.ts'
export { createLocalKey, type LocalKeyList, type LocalKeyVersion, listLocalKeys, rotateLocalKey } from './key-store.ts'
export { type LocalOptions, type LocalReference, local, parseLocalReference } from './local-adapter.ts'
export { type LocalKeyHealth, type LocalKeyProvider, localKeys } from './local-keys.ts'
export type { VersionedKeyHealth, VersionedKeyProvider } from './versioned-key.ts'
