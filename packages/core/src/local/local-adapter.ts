import { demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'
import type { Adapter } from '../keys/registry.ts'
import { demandParameters, type Reference } from '../reference.ts'
import { localKeys } from './local-keys.ts'

/** Options of {@link local}. */
export interface LocalOptions {
  /** Opens the key files that are sealed with one. */
  readonly passphrase?: string | undefined
}

/**
 * Key files for a registry: `local:///path/to/keys.json?name=NAME`, or `local://keys.json` from the working directory.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for an unknown option
 */
export function local(options: LocalOptions = {}): Adapter {
  demandOptions('local', options, optionNames<LocalOptions>({ passphrase: true }))
  const { passphrase } = options
  const openKey = (reference: Reference): ReturnType<typeof localKeys> => {
    const { path, name } = parseLocalReference(reference)
    return localKeys(path, { name, passphrase })
  }
  return { keys: [{ scheme: 'local', openKey }] }
}

/** What a `local` reference names. */
export interface LocalReference {
  /** As it stands in the reference: from the working directory where it does not start with a slash. */
  readonly path: string
  readonly name: string | undefined
}

/**
 * The key file, and perhaps the key in it, that a reference names.
 *
 * @throws KeyfoldError `UNSUPPORTED` for another scheme than `local`; `INVALID_ARGUMENT`
 */
export function parseLocalReference(reference: Reference): LocalReference {
  if (reference.scheme !== 'local') {
    throw new KeyfoldError('UNSUPPORTED', `the scheme ${reference.scheme} names no key file: expected local`)
  }
  demandParameters(reference, ['name'])
  if (reference.fragment !== undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'reference local: a key has no fragment; in a path, # cannot be written')
  }
  return { path: reference.name, name: reference.parameters.get('name') }
}
