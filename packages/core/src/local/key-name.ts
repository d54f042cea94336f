import { KeyfoldError } from '../errors.ts'
import { demandName } from '../raw/raw-name.ts'

/** What stands in every entry as its provider id. */
export const localProviderId = 'keyfold-local'

/** The last version that a key can reach. */
export const maxVersion: number = 2 ** 31 - 1

/** The name of one version of a key in its entries: `NAME/N`. */
export function formatVersionName(name: string, version: number): string {
  return `${name}/${version}`
}

/**
 * @returns the name
 * @throws KeyfoldError `INVALID_ARGUMENT` for text that is empty, ill-formed, too long for an entry, or has a slash
 *   (which separates name and version there) or a control character
 */
export function demandKeyName(what: string, name: unknown): string {
  if (typeof name !== 'string' || name === '' || /[/\p{Cc}]/u.test(name)) {
    throw new KeyfoldError(
      'INVALID_ARGUMENT',
      `${what}: expected text that is not empty, without slashes and control characters`,
    )
  }
  demandName(what, localProviderId, formatVersionName(name, maxVersion))
  return name
}
