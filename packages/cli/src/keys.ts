import { type AnyOfOptions, anyOf, createRegistry, type KeyProvider, type Keyring, parseReference } from '@keyfold/core'
import { type LocalReference, parseLocalReference } from '@keyfold/core/local'
import { loadAdapter, loadInstalled } from './adapters.ts'
import { readPassphrase } from './passphrase.ts'
import type { Surroundings } from './surroundings.ts'

/** What the command line says of the keys to use. */
export interface KeyFlags {
  readonly key: readonly string[]
  readonly passphraseFile?: string
}

/**
 * Runs `use` with the keys that the command line names, as an any-of in their order, and closes them when it has ended.
 *
 * @param input what else the command reads: standard input serves one of the two
 * @throws KeyfoldError as `createRegistry` and `loadAdapter`
 */
export async function withKeys<T>(
  { key: uris, passphraseFile }: KeyFlags,
  { surroundings, input, ...options }: { readonly surroundings: Surroundings; readonly input?: string } & AnyOfOptions,
  use: (keys: Keyring) => Promise<T>,
): Promise<T> {
  const passphrase = await readPassphrase(passphraseFile, surroundings, input)
  const providers: KeyProvider[] = []
  try {
    for (const uri of uris) providers.push(await openKey(uri, passphrase, surroundings))
    return await use(anyOf(providers, options))
  } finally {
    await closeKeys(providers)
  }
}

/**
 * The key that a reference names. Of the adapters, the one that its scheme needs is loaded.
 *
 * @throws KeyfoldError as `createRegistry` and `loadAdapter`
 */
export async function openKey(
  uri: string,
  passphrase: string | undefined,
  { loadPackage = loadInstalled }: Surroundings,
): Promise<KeyProvider> {
  const { scheme } = parseReference(uri)
  return createRegistry([await loadAdapter(scheme, { passphrase, loadPackage })]).key(uri)
}

/** What is left open holds the process. A key that cannot be closed is no failure of what was done with it. */
export async function closeKeys(providers: readonly KeyProvider[]): Promise<void> {
  await Promise.allSettled(providers.map(async (provider) => provider.close?.()))
}

/** @throws KeyfoldError `UNSUPPORTED` for another scheme than `local`; `INVALID_ARGUMENT` */
export function readLocalReference(uri: string): LocalReference {
  return parseLocalReference(parseReference(uri))
}
