import type { KMSClient } from '@aws-sdk/client-kms'
import { demandOptions, KeyfoldError, type KeyProvider, optionNames } from '@keyfold/core'
import { decrypt, type GrantTokens } from './kms-calls.ts'
import { type KmsConnection, kmsConnection } from './kms-client.ts'
import { demandRegion, type KmsArn } from './kms-key-id.ts'
import { keyArnIn } from './kms-reach.ts'

/** Options of `awsKms.discovery`: what an entry's ARN must be of. */
export interface AwsKmsDiscoveryOptions {
  /** Such as `aws` or `aws-cn`. */
  readonly partition: string
  /** Of twelve digits each. */
  readonly accounts: readonly string[]
  /** Such as `eu-west-1`. */
  readonly regions: readonly string[]
  /** A client of your own, or where there are several Regions, what gives each its own. They are not closed. */
  readonly client?: KMSClient | ((region: string) => KMSClient) | undefined
  readonly grantTokens?: GrantTokens | undefined
}

/** Without bounds, whoever writes messages could make this process call any account's key in any Region. */
export function discovery(options: AwsKmsDiscoveryOptions): KeyProvider {
  demandOptions('awsKms.discovery', options, knownOptions)
  const { partition, accounts, regions, client, grantTokens = [] } = options
  demandBounds(options)
  const clientOf = (region: string) => (typeof client === 'function' ? () => client(region) : client)
  const connections: ReadonlyMap<string, KmsConnection> = new Map(
    regions.map((region) => [region, kmsConnection({ region, client: clientOf(region) })]),
  )
  const name = `aws-kms discovery in ${regions.join(', ')}`
  /** Undefined where the ARN is out of bounds. */
  const connectionFor = ({ partition: of, account, region }: KmsArn): KmsConnection | undefined =>
    of === partition && accounts.includes(account) ? connections.get(region) : undefined
  return {
    name,
    providerId: 'aws-kms',
    bindsContext: true,
    authenticatesWriter: true,

    accepts(entry) {
      const arn = keyArnIn(entry)
      return arn !== undefined && connectionFor(arn) !== undefined
    },

    async unwrapDataKey({ entry, context }, options) {
      const named = keyArnIn(entry)
      const connection = named && connectionFor(named)
      if (named === undefined || connection === undefined) {
        throw new KeyfoldError('NO_USABLE_KEY', `${name}: the entry names a key that is out of bounds`)
      }
      const caller = { name, connection, grantTokens }
      const { dataKey, arn } = await decrypt(caller, { keyId: () => named.text, entry, context }, options)
      if (arn?.text === named.text) return dataKey
      dataKey[Symbol.dispose]()
      throw new KeyfoldError('AUTHENTICATION_FAILED', `${name}: another key answered than the one that was asked for`)
    },

    async close() {
      for (const connection of connections.values()) connection.close()
    },
  }
}

const knownOptions = optionNames<AwsKmsDiscoveryOptions>({
  partition: true,
  accounts: true,
  regions: true,
  client: true,
  grantTokens: true,
})

function demandBounds({ partition, accounts, regions, client }: AwsKmsDiscoveryOptions): void {
  if (typeof partition !== 'string' || !/^aws(-[a-z]+)*$/.test(partition))
    throw invalid('partition', 'a name such as aws')
  if (!Array.isArray(accounts) || accounts.length === 0 || !accounts.every((account) => /^\d{12}$/.test(account))) {
    throw invalid('accounts', 'one or more of twelve digits each')
  }
  if (!Array.isArray(regions) || regions.length === 0) throw invalid('regions', 'one or more')
  for (const region of regions) demandRegion(region)
  if (typeof client === 'object' && regions.length > 1)
    throw invalid('client', 'a function, where there are several Regions')
}

function invalid(option: string, expected: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `awsKms.discovery: ${option}: expected ${expected}`)
}
