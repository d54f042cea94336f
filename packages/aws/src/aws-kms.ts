import type { KMSClient } from '@aws-sdk/client-kms'
import {
  type CallOptions,
  demandOptions,
  KeyfoldError,
  type KeyProvider,
  optionNames,
  type SecretBytes,
} from '@keyfold/core'
import { type AwsKmsDiscoveryOptions, discovery } from './discovery.ts'
import { decrypt, encrypt, type GrantTokens, generate, type KmsCaller } from './kms-calls.ts'
import { kmsConnection } from './kms-client.ts'
import { type AwsKmsHealth, describeKey } from './kms-health.ts'
import type { KmsArn } from './kms-key-id.ts'
import { keyArnIn, type Reach, reachOf } from './kms-reach.ts'

/** Options of {@link awsKms}. */
export interface AwsKmsOptions {
  /** A client of your own, with its credentials, endpoint and retries. It is not closed. By default one is made on first use. */
  readonly client?: KMSClient | undefined
  /** Such as `eu-west-1`. Not needed where the key is an ARN; otherwise the client's own by default. */
  readonly region?: string | undefined
  /** Sent with every call that takes them; a function is asked before each. */
  readonly grantTokens?: GrantTokens | undefined
  /** ARNs of keys that this one took the place of, as where an alias was moved: they open, and never seal. */
  readonly formerKeys?: readonly string[] | undefined
  /** Opens what another Region's replica of the same multi-Region key sealed. Default false. */
  readonly multiRegion?: boolean | undefined
}

/** A key of AWS KMS. */
export interface AwsKmsKey extends KeyProvider {
  /**
   * Its state, whether the service rotates it, and what somebody should look at.
   *
   * @throws KeyfoldError `UNSUPPORTED` for a key that is not symmetric; the codes of the README's table
   */
  describe(options: CallOptions): Promise<AwsKmsHealth>
  close(): Promise<void>
}

/** {@link awsKms} is a function with another in it. */
export interface AwsKms {
  /**
   * A symmetric key of AWS KMS. Its messages open in the AWS Encryption SDKs, and theirs here. Binds the context, which
   * CloudTrail logs.
   *
   * Calls go to the Region that is configured here, whatever a message says. An entry is opened only under a `KeyId` that is
   * configured here: an ARN is compared, and an alias is left to the service, which refuses every key that the alias does
   * not lead to.
   *
   * @param key a key ARN, an alias ARN, `alias/NAME` or a key id
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  (key: string, options?: AwsKmsOptions): AwsKmsKey
  /**
   * Opens entries of any key in the given partition, accounts and Regions, and seals nothing.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  discovery(options: AwsKmsDiscoveryOptions): KeyProvider
}

/**
 * Keys of AWS KMS; see {@link AwsKms}.
 *
 * @example
 * ```ts
 * import { awsKms } from '@keyfold/aws'
 * import { createEnvelope } from '@keyfold/core'
 *
 * const keys = awsKms('alias/orders', { region: 'eu-west-1' }) // no call, and AWS's client is not loaded yet
 * const envelope = createEnvelope({ keys })
 * console.log(keys.name, keys.bindsContext, typeof envelope.encrypt) // alias/orders true function
 * ```
 */
export const awsKms: AwsKms = Object.assign(openKey, { discovery })

function openKey(key: string, options: AwsKmsOptions = {}): AwsKmsKey {
  demandOptions('awsKms', options, knownOptions)
  const { client, grantTokens = [] } = options
  const reach = reachOf(key, options)
  const connection = kmsConnection({ region: reach.region, client })
  const caller: KmsCaller = { name: reach.keyId, connection, grantTokens }
  return {
    name: reach.keyId,
    providerId: 'aws-kms',
    bindsContext: true,
    authenticatesWriter: true,

    accepts(entry) {
      const arn = keyArnIn(entry)
      return arn !== undefined && reach.keyIdFor(arn) !== undefined
    },

    async generateDataKey({ length, context }, options) {
      const { dataKey, entry, arn } = await generate(caller, { keyId: reach.keyId, length, context }, options)
      demandOwn(reach, arn, dataKey)
      return { dataKey, entry }
    },

    async wrapDataKey({ dataKey, context }, options) {
      const { entry, arn } = await encrypt(caller, { keyId: reach.keyId, dataKey, context }, options)
      demandOwn(reach, arn)
      return entry
    },

    async unwrapDataKey({ entry, context }, options) {
      const named = demandArn(reach, keyArnIn(entry))
      const keyId = (region: string): string => demandKeyId(reach, named, region)
      const { dataKey, arn } = await decrypt(caller, { keyId, entry, context }, options)
      if (arn === undefined || !reach.isAnswer(arn, named)) throw anotherKey(reach, dataKey)
      return dataKey
    },

    describe: (options) => describeKey(caller, reach, options),

    close: async () => connection.close(),
  }
}

const knownOptions = optionNames<AwsKmsOptions>({
  client: true,
  region: true,
  grantTokens: true,
  formerKeys: true,
  multiRegion: true,
})

/** What this key would not open again, it does not hand out either. */
function demandOwn(reach: Reach, arn: KmsArn, dataKey?: SecretBytes): void {
  if (reach.keyIdFor(arn) === undefined) throw anotherKey(reach, dataKey)
}

function demandArn(reach: Reach, arn: KmsArn | undefined): KmsArn {
  if (arn !== undefined) return arn
  throw new KeyfoldError('NO_USABLE_KEY', `${reach.keyId}: the entry is not one of AWS KMS`)
}

function demandKeyId(reach: Reach, named: KmsArn, region: string): string {
  const keyId = reach.keyIdFor(named, region)
  if (keyId !== undefined) return keyId
  throw new KeyfoldError('NO_USABLE_KEY', `${reach.keyId}: the entry names a key that is out of reach`)
}

function anotherKey({ keyId }: Reach, dataKey: SecretBytes | undefined): KeyfoldError {
  dataKey?.[Symbol.dispose]()
  return new KeyfoldError('AUTHENTICATION_FAILED', `${keyId}: another key answered than the one that was asked for`)
}
