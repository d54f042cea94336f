import type { MaybePromise } from '../crypto/engine.ts'
import { type Attempt, demandNotAborted, errorOfAttempts, KeyfoldError } from '../errors.ts'
import { tell } from '../observe.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import {
  canSeal,
  type GenerateRequest,
  generateDataKey,
  tellDone,
  unwrapDataKey,
  type WrapRequest,
  wrapDataKey,
} from './data-key.ts'
import type { KeyContext, KeyProvider } from './key-provider.ts'
import { type CallConditions, named, startOf } from './provider-call.ts'

/**
 * All the keys of an envelope, as core sees them: any one opens, and all seal. Only core makes one, from a single
 * provider or through `anyOf`.
 */
export interface Keyring {
  /** In order of preference, none twice. */
  readonly providers: readonly KeyProvider[]
}

/** How many entries a message under these keys has at the most. */
export function countRecipients({ providers }: Keyring): number {
  const generator = providers.find(canSeal)
  let count = 0
  for (const provider of providers) count += provider === generator || provider.wrapDataKey !== undefined ? 1 : 0
  return count
}

/** A data key and its entry for every recipient. */
export interface SealedDataKey {
  /** The caller owns it. */
  readonly dataKey: SecretBytes
  /** In the order of the providers. */
  readonly entries: readonly EncryptedDataKey[]
}

/**
 * A new data key: the first provider that can seal generates it, all others wrap it, those that only open are skipped.
 *
 * @throws KeyfoldError the failed provider's own; `NO_USABLE_KEY` with `attempts` where several failed; `UNSUPPORTED`
 *   where all providers only open
 */
export async function sealDataKey(
  keyring: Keyring,
  request: GenerateRequest,
  conditions: CallConditions,
): Promise<SealedDataKey> {
  const generator = keyring.providers.find(canSeal)
  if (generator === undefined) throw new KeyfoldError('UNSUPPORTED', 'none of the configured keys can seal')
  const { dataKey, entry } = await generateDataKey(generator, request, conditions)
  if (keyring.providers.length === 1) return { dataKey, entries: [entry] }
  try {
    const others = keyring.providers.filter((provider) => provider !== generator)
    const { context, contextBytes } = request
    const entries = [entry, ...(await wrapForAll(others, { dataKey, context, contextBytes }, conditions))]
    for (const provider of others) {
      if (provider.wrapDataKey !== undefined) continue
      tell(conditions.observe, () => ({ type: 'recipient-missing', ...named(provider), code: 'UNSUPPORTED' }))
    }
    return { dataKey, entries }
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
}

async function wrapForAll(
  providers: readonly KeyProvider[],
  request: WrapRequest,
  conditions: CallConditions,
): Promise<readonly EncryptedDataKey[]> {
  const wrapping = providers.filter((provider) => provider.wrapDataKey !== undefined)
  const answers = await Promise.allSettled(wrapping.map((provider) => wrapDataKey(provider, request, conditions)))
  const entries: EncryptedDataKey[] = []
  const attempts: Attempt[] = []
  for (const [index, answer] of answers.entries()) {
    const provider = wrapping[index]
    if (answer.status === 'fulfilled') entries.push(answer.value)
    else if (provider !== undefined) attempts.push(attemptOf(provider, answer.reason))
  }
  if (attempts.length > 0) demandNotAborted(conditions.signal)
  if (attempts.length > 0) throw errorOfAttempts(`${attempts.length} recipients could not wrap the data key:`, attempts)
  return entries
}

/** A message's entries, and how to tell that a data key is the right one. */
export interface OpenRequest<T> extends KeyContext {
  readonly entries: readonly EncryptedDataKey[]
  /** Length in bytes of the suite's data key. */
  readonly length: number
  /** Whether a provider under which anybody can write is left out. */
  readonly requireAuthenticatedWriter: boolean
  /**
   * Tries a data key on the header, and gives what the message is read with. The key is released afterwards.
   *
   * @throws KeyfoldError `AUTHENTICATION_FAILED` for the wrong key: the next entry is tried
   */
  readonly verify: (dataKey: SecretBytes) => MaybePromise<T>
}

/** What an entry was opened to, and by whom. */
export interface OpenedDataKey<T> {
  readonly value: T
  readonly provider: KeyProvider
}

/**
 * Opens a message's data key: entries are offered by `accepts` alone and tried in the order of the providers. The first
 * data key that verifies the header wins, so that a provider that unwraps to something wrong cannot.
 *
 * @throws KeyfoldError the one try's own error; `NO_USABLE_KEY`, or the code that all tries share, with `attempts`;
 *   `NO_USABLE_KEY` without attempts where no provider accepts an entry; `POLICY_VIOLATION`
 */
export async function openDataKey<T>(
  keyring: Keyring,
  request: OpenRequest<T>,
  conditions: CallConditions,
): Promise<OpenedDataKey<T>> {
  const { length, context, contextBytes } = request
  const attempts: Attempt[] = []
  let accepted = false
  for (const provider of keyring.providers) {
    for (const entry of request.entries) {
      if (provider.unwrapDataKey === undefined) continue
      const judged = judge(provider, entry)
      if (judged instanceof KeyfoldError) attempts.push(attemptOf(provider, judged))
      if (judged !== true) continue
      accepted = true
      if (request.requireAuthenticatedWriter && !provider.authenticatesWriter) continue
      let dataKey: SecretBytes | undefined
      const startedAt = startOf(conditions)
      try {
        dataKey = await unwrapDataKey(provider, { entry, length, context, contextBytes }, conditions)
        const verified = request.verify(dataKey)
        const value = verified instanceof Promise ? await verified : verified
        tellDone('data-key-unwrapped', provider, startedAt, conditions)
        return { value, provider }
      } catch (error) {
        demandNotAborted(conditions.signal) // whoever gave up is told so, whatever the key said
        attempts.push(attemptOf(provider, error))
      } finally {
        dataKey?.[Symbol.dispose]()
      }
    }
  }
  if (attempts.length > 0)
    throw errorOfAttempts(`none of ${attempts.length} tries opened the message's data key:`, attempts)
  throw accepted ? unauthenticated() : new KeyfoldError('NO_USABLE_KEY', noneAccepts(request.entries))
}

/** Whether the provider takes the entry; what it throws instead is a failed try, never "absent". */
function judge(provider: KeyProvider, entry: EncryptedDataKey): boolean | KeyfoldError {
  try {
    return provider.accepts(entry)
  } catch (cause) {
    return new KeyfoldError('UNKNOWN', `${provider.name}: accepts failed`, { cause })
  }
}

function unauthenticated(): KeyfoldError {
  const message = "the message's writer is not authenticated: whoever has a public key could have written it"
  return new KeyfoldError('POLICY_VIOLATION', `${message} (requireAuthenticatedWriter)`)
}

/** Key types of the format that Keyfold does not open, so that an error can name them. */
const unsupportedProviderIds: ReadonlyMap<string, string> = new Map([
  ['aws-kms-rsa', 'a KMS RSA key'],
  ['aws-kms-ecdh', 'a KMS ECDH key'],
  ['aws-kms-hierarchy', 'a hierarchical keyring'],
  ['raw-ecdh', 'a raw ECDH key'],
])

function noneAccepts(entries: readonly EncryptedDataKey[]): string {
  const present = [...new Set(entries.map((entry) => entry.providerId))].slice(0, 8).map((providerId) => {
    // A header is not believed, and its text may be long.
    const shown = JSON.stringify(providerId.length > 64 ? `${providerId.slice(0, 64)}…` : providerId)
    const unsupported = unsupportedProviderIds.get(providerId)
    return unsupported === undefined ? shown : `${shown} (${unsupported}, not supported)`
  })
  return `no configured key accepts any of the message's ${entries.length} data keys, of providers ${present.join(', ')}`
}

function attemptOf(provider: KeyProvider, error: unknown): Attempt {
  const failure = KeyfoldError.is(error)
    ? error
    : new KeyfoldError('UNKNOWN', `${provider.name} failed`, { cause: error })
  return { ...named(provider), code: failure.code, message: failure.message, error: failure }
}
