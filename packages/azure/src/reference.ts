import { demandParameters, KeyfoldError, type Reference } from '@keyfold/core'
import { algorithms, type KeyVaultAlgorithm } from './key-vault-algorithms.ts'

/** What an `azurekeyvault` reference names. */
export interface KeyVaultReference {
  readonly keyUrl: string
  readonly algorithm: KeyVaultAlgorithm | undefined
}

/**
 * Reads `azurekeyvault://HOST/keys/NAME[/VERSION][?algorithm=…]`. Whether host and name can be right is `keyVault`'s to say.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function parseKeyVaultReference(reference: Reference): KeyVaultReference {
  demandParameters(reference, ['algorithm'])
  const { segments, fragment, parameters } = reference
  if (fragment !== undefined) throw invalid('a key has no fragment')
  if (segments[1] !== 'keys' || segments.length < 3 || segments.length > 4) {
    throw invalid('expected azurekeyvault://HOST/keys/NAME or azurekeyvault://HOST/keys/NAME/VERSION')
  }
  const algorithm = parameters.get('algorithm')
  if (algorithm !== undefined && !isAlgorithm(algorithm)) {
    throw invalid(`algorithm: expected one of ${Object.keys(algorithms).join(', ')}`)
  }
  return { keyUrl: `https://${segments.join('/')}`, algorithm }
}

function isAlgorithm(text: string): text is KeyVaultAlgorithm {
  return Object.hasOwn(algorithms, text)
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `reference azurekeyvault: ${message}`)
}
