import { type CallOptions, KeyfoldError } from '@keyfold/core'
import { demandAnswer } from './transit-answers.ts'
import type { VaultConnection } from './vault-client.ts'

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
