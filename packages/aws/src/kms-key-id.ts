import { KeyfoldError } from '@keyfold/core'

/**
 * A key or alias of AWS KMS by its full name:
 *
 *     arn:PARTITION:kms:REGION:ACCOUNT:key/ID
 *     arn:PARTITION:kms:REGION:ACCOUNT:alias/NAME
 *
 * Source: aws-kms-key-arn.md, "A valid AWS KMS ARN"
 */
export interface KmsArn {
  readonly text: string
  readonly partition: string
  readonly region: string
  readonly account: string
  readonly type: 'key' | 'alias'
  /** Behind the first slash; an alias may have more of them. */
  readonly id: string
}

/** What a configuration may call a key of AWS KMS. */
export type KmsKeyId =
  | { readonly form: 'key ARN' | 'alias ARN'; readonly text: string; readonly arn: KmsArn }
  | { readonly form: 'alias' | 'key id'; readonly text: string }

/** 1 partition, 2 Region, 3 account, 4 type, 5 id. The Region becomes part of a host's name: nothing else may be in it. */
const arnShape = /^arn:(aws(?:-[a-z]+)*):kms:([a-z0-9-]{1,63}):(\d{12}):(key|alias)\/([A-Za-z0-9/_-]+)$/

const longest = 2048 // as the service has it

/** @returns undefined for what is no ARN of a key or alias of AWS KMS */
export function parseKmsArn(text: string): KmsArn | undefined {
  if (text.length > longest) return undefined
  const [, partition, region, account, type, id] = arnShape.exec(text) ?? []
  if (partition === undefined || region === undefined || account === undefined || id === undefined) return undefined
  return { text, partition, region, account, type: type === 'key' ? 'key' : 'alias', id }
}

/** Like {@link parseKmsArn}, and undefined for an alias too. */
export function parseKeyArn(text: string): KmsArn | undefined {
  const arn = parseKmsArn(text)
  return arn?.type === 'key' ? arn : undefined
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandKmsKeyId(text: string): KmsKeyId {
  if (typeof text !== 'string') throw invalid('expected text')
  if (text.startsWith('arn:')) {
    const arn = parseKmsArn(text)
    if (arn === undefined) throw invalid('expected arn:PARTITION:kms:REGION:ACCOUNT:key/ID or …:alias/NAME')
    return { form: arn.type === 'key' ? 'key ARN' : 'alias ARN', text, arn }
  }
  if (/^alias\/[A-Za-z0-9/_-]{1,250}$/.test(text)) return { form: 'alias', text }
  if (/^[A-Za-z0-9-]{1,256}$/.test(text)) return { form: 'key id', text }
  throw invalid('expected an ARN, alias/NAME or a key id')
}

/** Source: aws-kms-key-arn.md, "Identifying an AWS KMS multi-Region ARN" */
export function isMultiRegion({ type, id }: KmsArn): boolean {
  return type === 'key' && id.startsWith('mrk-')
}

/**
 * Whether two ARNs name one key: the same text, or, where multi-Region keys count as one, the same but for the Region.
 *
 * Source: aws-kms-mrk-match-for-decrypt.md
 */
export function isSameKey(a: KmsArn, b: KmsArn, multiRegion: boolean): boolean {
  if (a.text === b.text) return true
  if (!multiRegion || !isMultiRegion(a) || !isMultiRegion(b)) return false
  return a.partition === b.partition && a.account === b.account && a.id === b.id
}

/** Which of AWS's partitions a Region belongs to. */
export function partitionOf(region: string): string {
  return partitions.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws'
}

const partitions: readonly (readonly [prefix: string, partition: string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['eu-isoe-', 'aws-iso-e'],
  ['us-isof-', 'aws-iso-f'],
  ['eusc-', 'aws-eusc'],
]

/** Text that the service would not tell from a Region, and a client would put into a host's name. @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandRegion(region: string): string {
  if (typeof region === 'string' && /^[a-z0-9-]{1,63}$/.test(region)) return region
  throw new KeyfoldError('INVALID_ARGUMENT', 'awsKms: region: expected a name such as eu-west-1')
}

function invalid(expected: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `awsKms: key: ${expected}`)
}
