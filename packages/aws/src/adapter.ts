import type { KMSClient } from '@aws-sdk/client-kms'
import { type Adapter, demandOptions, optionNames } from '@keyfold/core'
import { awsKms } from './aws-kms.ts'
import type { GrantTokens } from './kms-calls.ts'
import { parseAwsKmsReference } from './reference.ts'

/** Options of {@link aws}. */
export interface AwsOptions {
  /** For every key of AWS KMS; by default each makes its own, on first use. It is not closed. */
  readonly kmsClient?: KMSClient | undefined
  readonly grantTokens?: GrantTokens | undefined
}

/**
 * AWS for a registry: `awskms:///alias/orders?region=eu-west-1`, `awskms:///arn:aws:kms:eu-west-1:111122223333:key/…`.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for an unknown option
 *
 * @example
 * ```ts
 * import { aws } from '@keyfold/aws'
 * import { createRegistry } from '@keyfold/core'
 *
 * const registry = createRegistry([aws()])
 * console.log(registry.key('awskms:///alias/orders?region=eu-west-1').name) // alias/orders
 * ```
 */
export function aws(options: AwsOptions = {}): Adapter {
  demandOptions('aws', options, optionNames<AwsOptions>({ kmsClient: true, grantTokens: true }))
  const { kmsClient, grantTokens } = options
  return {
    keys: [
      {
        scheme: 'awskms',
        openKey(reference) {
          const { key, region } = parseAwsKmsReference(reference)
          return awsKms(key, { client: kmsClient, region, grantTokens })
        },
      },
    ],
  }
}
