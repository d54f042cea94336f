import { type Attempt, demandNotAborted, errorOfAttempts, KeyfoldError } from '../errors.ts'
import { tell } from '../observe.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { CallGroup } from './call-group.ts'
import { canSeal, generateDataKey, wrapDataKey } from './data-key.ts'
import type { GeneratedDataKey, GenerateRequest, KeyProvider, WrapRequest } from './key-provider.ts'
import { countRecipients, type Keyring } from './keyring.ts'
import { attemptOf, type CallConditions, named } from './provider-call.ts'

/** A data key and its entry for every recipient. */
export interface SealedDataKey {
  /** The caller owns it. */
  readonly dataKey: SecretBytes
  /** In the order of the providers. */
  readonly entries: readonly EncryptedDataKey[]
  /** False where a recipient failed that was not required: a later call may reach it. */
  readonly complete: boolean
}

/**
 * A new data key: the first provider that can seal generates it, all others wrap it, those that only open are skipped. How
 * many may fail is the keyring's `require`.
 *
 * @throws KeyfoldError the failed provider's own; `NO_USABLE_KEY` with `attempts` where several failed; `UNSUPPORTED`
 *   where all providers only open; `ABORTED`
 */
export function sealDataKey(
  keyring: Keyring,
  request: GenerateRequest,
  conditions: CallConditions,
): Promise<SealedDataKey> {
  const [only] = keyring.providers
  if (only !== undefined && keyring.providers.length === 1 && canSeal(only)) {
    const alone = ({ dataKey, entry }: GeneratedDataKey) => ({ dataKey, entries: [entry], complete: true })
    return generateDataKey(only, request, conditions).then(alone)
  }
  return sealForAll(keyring, request, conditions)
}

async function sealForAll(
  keyring: Keyring,
  request: GenerateRequest,
  conditions: CallConditions,
): Promise<SealedDataKey> {
  const sealers = keyring.providers.filter(canSeal)
  if (sealers.length === 0) throw new KeyfoldError('UNSUPPORTED', 'none of the configured keys can seal')
  const { generator, generated, failures: early } = await generateByFirst(keyring, sealers, request, conditions)
  const { dataKey, entry } = generated
  try {
    const others = sealers.slice(sealers.indexOf(generator) + 1).filter(({ wrapDataKey }) => wrapDataKey !== undefined)
    const { context, contextBytes } = request
    const call = { dataKey, context, contextBytes }
    const { entries, failures } = await wrapForAll(keyring, others, early, call, conditions)
    tellMissing(keyring, new Set([generator, ...others]), failures, conditions)
    return { dataKey, entries: [entry, ...entries], complete: failures.size === 0 }
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
}

/** Who failed, and how. */
type Failures = ReadonlyMap<KeyProvider, Attempt>

async function generateByFirst(
  keyring: Keyring,
  sealers: readonly KeyProvider[],
  request: GenerateRequest,
  conditions: CallConditions,
): Promise<{ readonly generator: KeyProvider; readonly generated: GeneratedDataKey; readonly failures: Failures }> {
  const { require = 'all' } = keyring
  const failures = new Map<KeyProvider, Attempt>()
  for (const [index, generator] of sealers.entries()) {
    try {
      return { generator, generated: await generateDataKey(generator, request, conditions), failures }
    } catch (error) {
      demandNotAborted(conditions.signal)
      failures.set(generator, attemptOf(generator, error))
      if (require === 'all' || countRecipients({ providers: sealers.slice(index + 1) }) < require) break
    }
  }
  throw tooFew(keyring, failures)
}

/** Ends as soon as too many have failed: nobody waits out one that hangs, to be refused all the same. */
async function wrapForAll(
  keyring: Keyring,
  providers: readonly KeyProvider[],
  early: Failures,
  request: WrapRequest,
  conditions: CallConditions,
): Promise<{ readonly entries: readonly EncryptedDataKey[]; readonly failures: Failures }> {
  const { require = 'all' } = keyring
  const needed = require === 'all' ? providers.length : require - 1 // one has generated
  const failures = new Map(early)
  const group = new CallGroup(conditions)
  let left = providers.length
  const wrapFor = async (provider: KeyProvider): Promise<EncryptedDataKey | undefined> => {
    try {
      return await wrapDataKey(provider, request, group.conditionsFor(provider))
    } catch (error) {
      const attempt = attemptOf(provider, error)
      if (group.over && attempt.code === 'ABORTED') return undefined // it was ended, and has not failed
      failures.set(provider, attempt)
      left -= 1
      if (left < needed) group.end()
      return undefined
    }
  }
  const answers = await Promise.all(providers.map(wrapFor))
  group.end()
  if (failures.size > 0) demandNotAborted(conditions.signal)
  if (left < needed) throw tooFew(keyring, failures)
  return { entries: answers.filter((entry) => entry !== undefined), failures }
}

/** Whoever has no entry in the message: it failed and was not required, or it cannot wrap. */
function tellMissing(
  { providers }: Keyring,
  asked: ReadonlySet<KeyProvider>,
  failures: Failures,
  { observe }: CallConditions,
): void {
  for (const provider of providers) {
    const failure = failures.get(provider)
    if (asked.has(provider) && failure === undefined) continue
    const code = failure?.code ?? 'UNSUPPORTED'
    tell(observe, () => ({ type: 'recipient-missing', ...named(provider), code }))
  }
}

function tooFew({ providers, require = 'all' }: Keyring, failures: Failures): KeyfoldError {
  const attempts = providers.flatMap((provider) => failures.get(provider) ?? [])
  const required = require === 'all' ? 'all' : `${require} of ${countRecipients({ providers })}`
  return errorOfAttempts(`${attempts.length} recipients could not seal the data key, ${required} required:`, attempts)
}
