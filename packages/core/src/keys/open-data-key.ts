import type { MaybePromise } from '../crypto/maybe-promise.ts'
import { type Attempt, demandNotAborted, errorOfAttempts, KeyfoldError } from '../errors.ts'
import { tell } from '../observe.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { CallGroup } from './call-group.ts'
import { tellDone, unwrapDataKey } from './data-key.ts'
import { hedge } from './hedge.ts'
import { isInProcess } from './in-process.ts'
import type { KeyContext, KeyProvider } from './key-provider.ts'
import type { Keyring } from './keyring.ts'
import { attemptOf, type CallConditions, named, startOf, tellFailed } from './provider-call.ts'

/** A message's entries, and how to tell that a data key is the right one. */
export interface OpenRequest<T extends Disposable> extends KeyContext {
  readonly entries: readonly EncryptedDataKey[]
  /** Length in bytes of the suite's data key. */
  readonly length: number
  /** Whether a provider under which anybody can write is left out. */
  readonly requireAuthenticatedWriter: boolean
  /**
   * Whether the next provider may be asked while one has not answered. Not where a message may open under two data keys:
   * its order of keys decides what it says, and time must not.
   */
  readonly mayHedge: boolean
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
 * Opens a message's data key: entries are offered by `accepts` alone and tried in the order of the providers, each when one
 * has failed or keeps waiting. The first data key that verifies the header wins, so that a provider that unwraps to
 * something wrong cannot.
 *
 * @throws KeyfoldError the one try's own error; `NO_USABLE_KEY`, or the code that all tries share, with `attempts`;
 *   `NO_USABLE_KEY` without attempts where no provider accepts an entry, `UNSUPPORTED` where none here could;
 *   `POLICY_VIOLATION`; `ABORTED`
 */
export function openDataKey<T extends Disposable>(
  keyring: Keyring,
  request: OpenRequest<T>,
  conditions: CallConditions,
): Promise<OpenedDataKey<T>> {
  const { tries, accepted } = planTries(keyring, request)
  const [first] = tries
  if (first === undefined)
    return Promise.reject(accepted ? writerNotAuthenticated() : noneAccepts(keyring, request.entries))
  if (tries.length === 1) return openEntry(first, request, conditions)
  const patienceMs = request.mayHedge ? (keyring.hedgeAfterMs ?? defaultHedgeAfterMs) : Number.POSITIVE_INFINITY
  const waits = tries.some(({ provider }) => !isInProcess(provider))
  return waits && patienceMs !== Number.POSITIVE_INFINITY
    ? openFirst(tries, request, conditions, patienceMs)
    : openInTurn(tries, request, conditions)
}

const defaultHedgeAfterMs = 300

/** One entry, for one provider. */
interface Try {
  readonly provider: KeyProvider
  readonly entry: EncryptedDataKey
  /** What `accepts` threw: it is a failed try, never "absent". */
  readonly broken: KeyfoldError | undefined
}

function planTries(
  { providers }: Keyring,
  { entries, requireAuthenticatedWriter }: OpenRequest<Disposable>,
): { readonly tries: readonly Try[]; readonly accepted: boolean } {
  const tries: Try[] = []
  let accepted = false
  for (const provider of providers) {
    if (provider.unwrapDataKey === undefined) continue
    for (const entry of entries) {
      const judged = judge(provider, entry)
      if (judged instanceof KeyfoldError) tries.push({ provider, entry, broken: judged })
      if (judged !== true) continue
      accepted = true
      if (requireAuthenticatedWriter && !provider.authenticatesWriter) continue
      tries.push({ provider, entry, broken: undefined })
    }
  }
  return { tries, accepted }
}

function judge(provider: KeyProvider, entry: EncryptedDataKey): boolean | KeyfoldError {
  try {
    return provider.accepts(entry)
  } catch (cause) {
    return new KeyfoldError('UNKNOWN', `${provider.name}: accepts failed`, { cause })
  }
}

/** One after the other. No more promises than calls: all keys may be of this process, and the message small. */
async function openInTurn<T extends Disposable>(
  tries: readonly Try[],
  request: OpenRequest<T>,
  conditions: CallConditions,
): Promise<OpenedDataKey<T>> {
  const attempts: Attempt[] = []
  for (const each of tries) {
    try {
      return await openEntry(each, request, conditions)
    } catch (error) {
      demandNotAborted(conditions.signal)
      attempts.push(attemptOf(each.provider, error))
    }
  }
  throw noneOpened(attempts)
}

/** Side by side where one does not answer. */
async function openFirst<T extends Disposable>(
  tries: readonly Try[],
  request: OpenRequest<T>,
  conditions: CallConditions,
  patienceMs: number,
): Promise<OpenedDataKey<T>> {
  const group = new CallGroup(conditions)
  const contenders = tries.map((each) => ({
    patienceMs: isInProcess(each.provider) ? Number.POSITIVE_INFINITY : patienceMs,
    start: () => openEntry(each, request, conditions, group),
  }))
  const attempts: Attempt[] = []
  const onFailure = (error: unknown, index: number): void => {
    demandNotAborted(conditions.signal)
    const provider = tries[index]?.provider
    if (provider !== undefined) attempts[index] = attemptOf(provider, error)
  }
  try {
    const opened = await hedge(contenders, onFailure, conditions.clock)
    if (opened !== undefined) return opened
  } finally {
    group.end()
  }
  throw noneOpened(attempts)
}

/** @param group the tries beside this one: the first to verify ends it */
async function openEntry<T extends Disposable>(
  { provider, entry, broken }: Try,
  { length, context, contextBytes, verify }: OpenRequest<T>,
  conditions: CallConditions,
  group?: CallGroup,
): Promise<OpenedDataKey<T>> {
  const startedAt = startOf(conditions)
  let dataKey: SecretBytes | undefined
  let isTold = false
  try {
    demandNotAborted(conditions.signal)
    if (broken !== undefined) throw broken
    const call = group === undefined ? conditions : group.conditionsFor(provider, () => (isTold = true))
    dataKey = await unwrapDataKey(provider, { entry, length, context, contextBytes }, call)
    const verified = verify(dataKey)
    const value = verified instanceof Promise ? await verified : verified
    if (group !== undefined) demandFirst(group, value)
    tellDone('data-key-unwrapped', provider, startedAt, conditions)
    return { value, provider }
  } catch (error) {
    demandNotAborted(conditions.signal) // whoever gave up is told so, whatever the key said
    if (group?.over === true) {
      if (!isTold) tellOvertaken(provider, startedAt, conditions)
    } else if (dataKey !== undefined && isRefusal(error)) {
      tellFailed('unwrapDataKey', provider, error, startedAt, conditions)
    }
    throw error
  } finally {
    dataKey?.[Symbol.dispose]()
  }
}

/** Of the data key that the provider gave; any other failure after that is not the provider's. */
function isRefusal(error: unknown): error is KeyfoldError {
  return KeyfoldError.is(error) && error.code === 'AUTHENTICATION_FAILED'
}

function tellOvertaken(provider: KeyProvider, startedAt: number | undefined, { observe, clock }: CallConditions): void {
  const operation = 'unwrapDataKey'
  tell(observe, () => {
    const durationMs = clock.monotonic() - (startedAt ?? 0)
    return { type: 'provider-overtaken', ...named(provider), operation, durationMs }
  })
}

/** Two tries may verify before the race hears of the first: the second leaves nothing behind. */
function demandFirst(group: CallGroup, value: Disposable): void {
  if (group.over) {
    value[Symbol.dispose]()
    throw new KeyfoldError('ABORTED', 'another try was first') // which nobody sees: the race is won
  }
  group.end()
}

function noneOpened(attempts: readonly Attempt[]): KeyfoldError {
  return errorOfAttempts(`none of ${attempts.length} tries opened the message's data key:`, attempts)
}

function writerNotAuthenticated(): KeyfoldError {
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

/** Where another key would not help, since no key here is of any of the types, that is the error. */
function noneAccepts({ providers }: Keyring, entries: readonly EncryptedDataKey[]): KeyfoldError {
  const providerIds = [...new Set(entries.map((entry) => entry.providerId))]
  const present = providerIds.slice(0, 8).map((providerId) => {
    // A header is not believed, and its text may be long.
    const shown = JSON.stringify(providerId.length > 64 ? `${providerId.slice(0, 64)}…` : providerId)
    const unsupported = unsupportedProviderIds.get(providerId)
    return unsupported === undefined ? shown : `${shown} (${unsupported}, not supported)`
  })
  const code = providerIds.every((one) => unsupportedProviderIds.has(one)) ? 'UNSUPPORTED' : 'NO_USABLE_KEY'
  const what = `no configured key accepts any of the message's ${entries.length} data keys`
  const only = providers.filter(
    (one) => one.unwrapDataKey === undefined && entries.some((entry) => judge(one, entry) === true),
  )
  const hint = only.length === 0 ? '' : `; ${only.map(({ name }) => name).join(', ')} would, but can only seal`
  return new KeyfoldError(code, `${what}, of providers ${present.join(', ')}${hint}`)
}
