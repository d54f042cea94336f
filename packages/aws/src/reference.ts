import { demandParameters, KeyfoldError, type Reference } from '@keyfold/core'

/** What an `awskms` reference names. */
export interface AwsKmsReference {
  readonly key: string
  readonly region: string | undefined
}

/**
 * `awskms:///alias/orders?region=eu-west-1`, or an ARN in the name's place; the Region is the environment's by default.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function parseAwsKmsReference(reference: Reference): AwsKmsReference {
  demandParameters(reference, ['region'])
  if (reference.fragment !== undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'reference awskms: a key has no fragment')
  }
  return { key: reference.name, region: reference.parameters.get('region') }
}
