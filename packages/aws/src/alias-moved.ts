import { type CallOptions, KeyfoldError } from '@keyfold/core'
import type { KmsCaller } from './kms-calls.ts'

/**
 * Whether an alias has been moved since it was made; the service tells neither from where nor how often. False where it
 * does not say: the right is one of its own, and there is no asking of another account's aliases.
 *
 * @param alias with `alias/` before it
 * @param arn of the key that it leads to
 */
export async function hasAliasMoved(
  { name, connection }: KmsCaller,
  alias: string,
  arn: string,
  { signal }: CallOptions,
): Promise<boolean> {
  try {
    return await connection.call({
      what: `${name}: ListAliases`,
      signal,
      async work(client, { paginateListAliases }) {
        for await (const { Aliases = [] } of paginateListAliases({ client }, { KeyId: arn }, { abortSignal: signal })) {
          const found = Aliases.find(({ AliasName }) => AliasName === alias)
          if (found !== undefined) return isLater(found.LastUpdatedDate, found.CreationDate)
        }
        return false
      },
    })
  } catch (error) {
    if (KeyfoldError.is(error) && untold.includes(error.code)) return false
    throw error
  }
}

const untold: readonly string[] = ['ACCESS_DENIED', 'KEY_NOT_FOUND', 'INVALID_ARGUMENT']

function isLater(updated: Date | undefined, created: Date | undefined): boolean {
  return updated !== undefined && created !== undefined && updated > created
}
