import { type CallOptions, type KeyConcern, KeyfoldError, type KeyHealth } from '@keyfold/core'
import { demandAnswer } from './transit-answers.ts'
import type { KeyReading } from './transit-key.ts'
import type { VaultConnection } from './vault-client.ts'

/** What Transit says of a key. */
export interface TransitKeyHealth extends KeyHealth {
  /** Such as `aes256-gcm96`. */
  readonly type: string
  /** Entries of older versions do not open. */
  readonly minDecryptionVersion: number
  /** Whether the key may be deleted, and every message with it. */
  readonly deletionAllowed: boolean
  /** How often the service rotates it; 0 for never, absent where the service does not say. */
  readonly autoRotatePeriodMs?: number
  readonly concerns: readonly KeyConcern[]
}

export function keyHealth(reading: KeyReading, concerns: readonly KeyConcern[]): TransitKeyHealth {
  const { softDeleted, latestVersion, autoRotatePeriodMs, type, minDecryptionVersion, deletionAllowed } = reading
  const state = softDeleted ? 'disabled' : 'enabled'
  const said = { state, version: String(latestVersion), type, minDecryptionVersion, deletionAllowed, concerns } as const
  if (autoRotatePeriodMs === undefined) return said
  return { ...said, rotation: autoRotatePeriodMs > 0 ? 'on' : 'off', autoRotatePeriodMs }
}

/** Whether the token in use may do everything. False where the token may not ask, or what stands between does not let it. */
export async function isRootToken(vault: VaultConnection, name: string, call: CallOptions): Promise<boolean> {
  const what = `${name}: looking up the token`
  try {
    const parse = (body: unknown): unknown => demandAnswer(body)['policies']
    const policies = await vault.send({ what, method: 'GET', path: '/auth/token/lookup-self', parse }, call)
    return Array.isArray(policies) && policies.includes('root')
  } catch (error) {
    if (KeyfoldError.is(error) && untold.includes(error.code)) return false
    throw error
  }
}

/** A token that the service does not know would not have read the key: here all of these are rights. */
const untold: readonly string[] = ['ACCESS_DENIED', 'UNAUTHENTICATED', 'KEY_NOT_FOUND']
