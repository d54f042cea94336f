import { anyOf, demandParameters, KeyfoldError, type KeyProvider, type Keyring, parseReference } from '@keyfold/core'
import { localKeys } from '@keyfold/core/local'

/** What a local reference names. */
export interface LocalReference {
  readonly path: string
  readonly name: string | undefined
}

/** What opens each scheme's keys. */
const schemes: ReadonlyMap<string, (uri: string, passphrase: string | undefined) => KeyProvider> = new Map([
  [
    'local',
    (uri: string, passphrase: string | undefined): KeyProvider => {
      const { path, name } = parseLocalReference(uri)
      return localKeys(path, { name, passphrase })
    },
  ],
])

/**
 * The keys that the command line names; several make an any-of, in their order.
 *
 * @throws KeyfoldError `UNSUPPORTED` for a scheme that this version does not have
 */
export function openKeys(uris: readonly string[], passphrase: string | undefined): Keyring {
  return anyOf(uris.map((uri) => schemeOf(uri)(uri, passphrase)))
}

/** @throws KeyfoldError `UNSUPPORTED` for another scheme than `local` */
export function parseLocalReference(uri: string): LocalReference {
  const reference = parseReference(uri)
  if (reference.scheme !== 'local') throw unsupported(reference.scheme)
  demandParameters(reference, ['name'])
  if (reference.fragment !== undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'reference local: a key has no fragment; in a path, # cannot be written')
  }
  return { path: reference.name, name: reference.parameters.get('name') }
}

function schemeOf(uri: string): (uri: string, passphrase: string | undefined) => KeyProvider {
  const { scheme } = parseReference(uri)
  const open = schemes.get(scheme)
  if (open !== undefined) return open
  throw unsupported(scheme)
}

function unsupported(scheme: string): KeyfoldError {
  const known = [...schemes.keys()].join(', ')
  return new KeyfoldError('UNSUPPORTED', `the scheme ${scheme} is not supported: this version has ${known}`)
}
