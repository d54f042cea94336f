import { KeyfoldError, type KeyHealth, type KeyProvider, parseReference, untilAborted } from '@keyfold/core'
import type { Finding } from './doctor-rules.ts'
import { demandNotInterrupted, failureOf } from './failure.ts'
import { closeKeys, openKey, type PassphraseOf } from './keys.ts'
import type { Surroundings } from './surroundings.ts'

/** How keys are examined. */
export interface ExaminationTerms {
  /** Opens sealed key files. */
  readonly passphraseOf: PassphraseOf
  /** How long each key may take to describe itself. */
  readonly timeoutMs: number
  readonly surroundings: Surroundings
}

/**
 * Opens each key and lets it describe itself, all at once. Whatever fails is a finding: one key that is out of reach does
 * not hide the others.
 *
 * @throws KeyfoldError `ABORTED` where the run was interrupted
 */
export async function examineKeys(uris: readonly string[], terms: ExaminationTerms): Promise<readonly Finding[]> {
  const findings = await Promise.all(uris.map((uri, index) => examine(uri, `key ${index + 1}`, terms)))
  demandNotInterrupted(terms.surroundings.signal)
  return findings
}

async function examine(
  uri: string,
  place: string,
  { passphraseOf, timeoutMs, surroundings }: ExaminationTerms,
): Promise<Finding> {
  let provider: KeyProvider
  try {
    provider = await openKey(uri, passphraseOf(uri), surroundings)
  } catch (error) {
    return { key: nameless(uri, place), failure: keyfoldErrorOf(error) }
  }
  const found = { key: provider.name, provider }
  try {
    const health = await healthOf(provider, timeoutMs, surroundings.signal)
    return health === undefined ? found : { ...found, health }
  } catch (error) {
    return { ...found, failure: keyfoldErrorOf(error) }
  } finally {
    await closeKeys([provider])
  }
}

/** What may be said of a reference that opens no key: it may hold a secret. */
function nameless(uri: string, place: string): string {
  try {
    return `${place} (${parseReference(uri).scheme})`
  } catch {
    return place
  }
}

/** Also of a provider that does not answer, nor heed its signal. */
async function healthOf(
  provider: KeyProvider,
  timeoutMs: number,
  interruption: AbortSignal,
): Promise<KeyHealth | undefined> {
  demandNotInterrupted(interruption)
  const controller = new AbortController()
  const signal = AbortSignal.any([interruption, controller.signal])
  const text = `${provider.name}: no answer within ${timeoutMs} ms (--timeout)`
  const timer = setTimeout(() => controller.abort(new KeyfoldError('TIMEOUT', text)), timeoutMs)
  const answer = async (): Promise<KeyHealth | undefined> => provider.describe?.({ signal })
  try {
    return await untilAborted(answer(), signal)
  } finally {
    clearTimeout(timer)
  }
}

/** Of an error that Keyfold does not know, nobody knows what its text shows. */
function keyfoldErrorOf(error: unknown): KeyfoldError {
  return KeyfoldError.is(error) ? error : new KeyfoldError('UNKNOWN', failureOf(error).message, { cause: error })
}
