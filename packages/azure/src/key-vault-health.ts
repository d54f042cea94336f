import type { KeyClient, KeyVaultKey } from '@azure/keyvault-keys'
import { type ErrorCode, KeyfoldError, type KeyHealth } from '@keyfold/core'
import type { KeyIdentifier } from './key-identifier.ts'
import type { AlgorithmRow } from './key-vault-algorithms.ts'
import { Answer } from './key-vault-answer.ts'
import { keyVaultError } from './key-vault-errors.ts'

/** The key that is asked for, and what it is to do. */
export interface DescribedKey {
  /** For messages. */
  readonly name: string
  readonly key: KeyIdentifier
  readonly row: AlgorithmRow
}

/**
 * What the service says of a key. Needs the right to read it; the rotation policy is told where that may be read too.
 *
 * @throws KeyfoldError `UNSUPPORTED` for a key that cannot do what the algorithm needs
 */
export async function describeKey(client: KeyClient, described: DescribedKey, signal: AbortSignal): Promise<KeyHealth> {
  const { name, version } = described.key
  const asked = async <T>(call: (options: { readonly abortSignal: AbortSignal }) => Promise<T>): Promise<T> => {
    const answer = new Answer()
    try {
      return await call(answer.options(signal))
    } catch (error) {
      throw keyVaultError(error, described.name, 'describe', { signal, answer })
    }
  }
  try {
    const found = await asked((options) => client.getKey(name, version === '' ? options : { ...options, version }))
    demandFit(described, found)
    const rotation = await rotationOf(asked((options) => client.getKeyRotationPolicy(name, options)))
    return {
      state: isUsable(found.properties, Date.now()) ? 'enabled' : 'disabled',
      ...(found.properties.version === undefined ? {} : { version: found.properties.version }),
      ...(rotation === undefined ? {} : { rotation }),
    }
  } catch (error) {
    if (!isOneOf(error, ['KEY_NOT_FOUND'])) throw error
    // A deleted key reads as missing. Where it is not among the deleted ones, or those may not be read, it stays so.
    await asked((options) => client.getDeletedKey(name, options)).catch((reason: unknown) => {
      throw isOneOf(reason, ['KEY_NOT_FOUND', 'ACCESS_DENIED']) ? error : reason
    })
    return { state: 'pending-deletion' }
  }
}

/** A key of another kind may be enabled: it seals no data key all the same. What the answer leaves out is not held against it. */
function demandFit({ name, row }: DescribedKey, { keyType, keyOperations }: KeyVaultKey): void {
  if (keyType !== undefined && !row.keyTypes.includes(keyType)) {
    throw new KeyfoldError('UNSUPPORTED', `${name}: describe: its type is not ${row.keyTypes.join(' or ')}`)
  }
  const lacking = row.operations.filter((operation) => keyOperations?.includes(operation) === false)
  if (lacking.length > 0) {
    throw new KeyfoldError('UNSUPPORTED', `${name}: describe: its permitted operations lack ${lacking.join(' and ')}`)
  }
}

interface Usability {
  readonly enabled?: boolean
  readonly notBefore?: Date
  readonly expiresOn?: Date
}

/** A key out of its time still opens, but seals no more. */
function isUsable({ enabled, notBefore, expiresOn }: Usability, now: number): boolean {
  return (
    enabled !== false && now >= (notBefore?.getTime() ?? 0) && now < (expiresOn?.getTime() ?? Number.POSITIVE_INFINITY)
  )
}

interface Policy {
  readonly lifetimeActions?: readonly { readonly action: string }[]
}

async function rotationOf(answer: Promise<Policy>): Promise<'on' | 'off' | undefined> {
  try {
    const { lifetimeActions = [] } = await answer
    return lifetimeActions.some(({ action }) => action.toLowerCase() === 'rotate') ? 'on' : 'off'
  } catch (error) {
    // A right of its own, which few have; older managed HSMs have no policies.
    if (isOneOf(error, ['ACCESS_DENIED', 'UNSUPPORTED'])) return undefined
    throw error
  }
}

function isOneOf(error: unknown, codes: readonly ErrorCode[]): boolean {
  return KeyfoldError.is(error) && codes.includes(error.code)
}
