import { type AnyOfOptions, anyOf, createRegistry, type KeyProvider, type Keyring, parseReference } from '@keyfold/core'
import { type LocalReference, listLocalKeys, parseLocalReference } from '@keyfold/core/local'
import { loadAdapter, loadInstalled } from './adapters.ts'
import { readPassphrase } from './passphrase.ts'
import type { Surroundings } from './surroundings.ts'

/** What the command line says of the keys to use. */
export interface KeyFlags {
  readonly key: readonly string[]
  readonly passphraseFile?: string
}

/** Keys that are used together. */
export interface KeyTerms {
  readonly uris: readonly string[]
  /** The passphrase of each; undefined where it has none. */
  readonly passphraseOf: PassphraseOf
  readonly options?: AnyOfOptions
}

/** The passphrase that goes to a reference's key. */
export type PassphraseOf = (uri: string) => string | undefined

/**
 * Runs `use` with the keys that the command line names, and closes them when it has ended.
 *
 * @param input what else the command reads: standard input serves one of the two
 * @throws KeyfoldError as {@link withOpenKeys}
 */
export async function withKeys<T>(
  { key: uris, passphraseFile }: KeyFlags,
  { surroundings, input, ...options }: { readonly surroundings: Surroundings; readonly input?: string } & AnyOfOptions,
  use: (keys: Keyring) => Promise<T>,
): Promise<T> {
  const passphraseOf = await sharePassphrase(await readPassphrase(passphraseFile, surroundings, input), uris)
  return await withOpenKeys({ uris, passphraseOf, options }, surroundings, use)
}

/**
 * Runs `use` with keys as an any-of in their order, and closes them when it has ended.
 *
 * @throws KeyfoldError as `createRegistry` and `loadAdapter`
 */
export async function withOpenKeys<T>(
  { uris, passphraseOf, options }: KeyTerms,
  surroundings: Surroundings,
  use: (keys: Keyring) => Promise<T>,
): Promise<T> {
  const providers: KeyProvider[] = []
  try {
    for (const uri of uris) providers.push(await openKey(uri, passphraseOf(uri), surroundings))
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

/**
 * Gives one passphrase to those keys that it seals: sealed and unsealed key files mix. Where it seals none, all get it, and a
 * key file that calls for none refuses it: that is a mistake.
 */
export async function sharePassphrase(passphrase: string | undefined, uris: readonly string[]): Promise<PassphraseOf> {
  if (passphrase === undefined) return () => undefined
  const sealed = new Set<string>()
  await Promise.all(uris.map(async (uri) => (await callsForPassphrase(uri)) && sealed.add(uri)))
  return (uri) => (sealed.size === 0 || sealed.has(uri) ? passphrase : undefined)
}

async function callsForPassphrase(uri: string): Promise<boolean> {
  try {
    const reference = parseReference(uri)
    return reference.scheme === 'local' && (await listLocalKeys(parseLocalReference(reference).path)).sealed
  } catch {
    // Unknown. Whoever opens the key learns what is wrong with it.
    return true
  }
}

/** @throws KeyfoldError `UNSUPPORTED` for another scheme than `local`; `INVALID_ARGUMENT` */
export function readLocalReference(uri: string): LocalReference {
  return parseLocalReference(parseReference(uri))
}
