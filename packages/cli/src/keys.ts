import { anyOf, demandParameters, KeyfoldError, type KeyProvider, type Keyring, parseReference } from '@keyfold/core'
import { listLocalKeys, localKeys } from '@keyfold/core/local'

/** What a local reference names. */
export interface LocalReference {
  readonly path: string
  readonly name: string | undefined
}

/** The keys of a scheme. */
interface Scheme {
  readonly open: (uri: string, passphrase: string | undefined) => KeyProvider
  /** Whether a passphrase seals the key. */
  readonly isSealed: (uri: string) => Promise<boolean>
}

const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  [
    'local',
    {
      open(uri, passphrase) {
        const { path, name } = parseLocalReference(uri)
        return localKeys(path, { name, passphrase })
      },
      isSealed: async (uri) => (await listLocalKeys(parseLocalReference(uri).path)).sealed,
    },
  ],
])

/**
 * The keys that the command line names; several make an any-of, in their order. The passphrase goes to those that one seals:
 * sealed and unsealed key files mix. Where it serves none, here or among `others`, that is an error.
 *
 * @param others further keys that the same passphrase is for
 * @throws KeyfoldError `UNSUPPORTED` for a scheme that this version does not have
 */
export async function openKeys(
  uris: readonly string[],
  passphrase: string | undefined,
  others: readonly string[] = [],
): Promise<Keyring> {
  const sealed = passphrase === undefined ? [] : await Promise.all([...uris, ...others].map(isSealed))
  const serves = sealed.includes(true)
  return anyOf(
    uris.map((uri, index) => schemeOf(uri).open(uri, serves && sealed[index] !== true ? undefined : passphrase)),
  )
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

function isSealed(uri: string): Promise<boolean> {
  return schemeOf(uri).isSealed(uri)
}

function schemeOf(uri: string): Scheme {
  const { scheme } = parseReference(uri)
  const known = schemes.get(scheme)
  if (known !== undefined) return known
  throw unsupported(scheme)
}

function unsupported(scheme: string): KeyfoldError {
  const known = [...schemes.keys()].join(', ')
  return new KeyfoldError('UNSUPPORTED', `the scheme ${scheme} is not supported: this version has ${known}`)
}
