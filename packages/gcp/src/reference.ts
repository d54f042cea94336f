import { demandParameters, KeyfoldError, type Reference } from '@keyfold/core'
import { demandKeyName } from './cloud-kms-name.ts'

/**
 * The key that `gcpkms://projects/…/locations/…/keyRings/…/cryptoKeys/…` names.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function parseKeyReference(reference: Reference): string {
  demandParameters(reference, [])
  if (reference.fragment !== undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'reference gcpkms: a key has no fragment')
  }
  // Eight segments of the reference, none of which holds a slash of its own: the name is checked whole.
  if (reference.segments.length !== 8) {
    const expected = 'gcpkms://projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version'
    throw new KeyfoldError('INVALID_ARGUMENT', `reference gcpkms: expected ${expected}`)
  }
  return demandKeyName(reference.name)
}
