import { type EncryptedDataKey, KeyfoldError } from '@keyfold/core'
import {
  demandKmsKeyId,
  demandRegion,
  isMultiRegion,
  isSameKey,
  type KmsArn,
  type KmsKeyId,
  parseKeyArn,
  partitionOf,
} from './kms-key-id.ts'

/** What a configuration says of which entries a key opens. */
export interface ReachTerms {
  readonly region?: string | undefined
  readonly formerKeys?: readonly string[] | undefined
  readonly multiRegion?: boolean | undefined
}

/** Which entries a configured key opens, and under what name the service is asked to. */
export interface Reach {
  /** What seals, as it was configured. */
  readonly keyId: string
  /** The Region that the configuration names; undefined where the client's own is to be taken. */
  readonly region: string | undefined
  /**
   * The `KeyId` to pin a Decrypt to: always one that was configured. Undefined where the key has nothing to do with the ARN.
   *
   * @param region of the client, where it is known only now
   */
  keyIdFor(entry: KmsArn, region?: string): string | undefined
  /** Whether the key that answered is the one that was configured by ARN, and otherwise the one that the entry names. */
  isAnswer(answered: KmsArn, entry: KmsArn): boolean
}

/**
 * The rules for names of AWS KMS. A key ARN takes entries of itself. An alias or a bare key id takes entries of its Region:
 * where the alias leads only the service knows, and pinned to the alias it refuses every other key itself.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function reachOf(text: string, { region: given, formerKeys = [], multiRegion = false }: ReachTerms): Reach {
  const own = demandKmsKeyId(text)
  const region = demandOneRegion(own, given)
  const named = [...('arn' in own && own.arn.type === 'key' ? [own.arn] : []), ...demandFormerKeys(formerKeys, region)]
  const namedFor = (entry: KmsArn): KmsArn | undefined => named.find((arn) => isSameKey(arn, entry, multiRegion))
  return {
    keyId: own.text,
    region,
    keyIdFor(entry, clientRegion = region) {
      const arn = namedFor(entry)
      if (arn !== undefined) return arn.text
      return mayLeadTo(own, entry, clientRegion, multiRegion) ? own.text : undefined
    },
    isAnswer(answered, entry) {
      const arn = namedFor(entry)
      return arn === undefined ? isSameKey(answered, entry, multiRegion) : answered.text === arn.text
    },
  }
}

/** Whether an alias or a bare key id may stand for the key, as far as can be said without asking. */
function mayLeadTo(own: KmsKeyId, entry: KmsArn, region: string | undefined, multiRegion: boolean): boolean {
  if (own.form === 'key ARN') return false
  if (own.form === 'key id' && own.text !== entry.id) return false
  if (own.form === 'alias ARN' && own.arn.account !== entry.account) return false
  if (region === undefined) return true
  if (entry.partition !== partitionOf(region)) return false
  return entry.region === region || (multiRegion && isMultiRegion(entry))
}

/** The key ARN in an entry of AWS KMS; undefined where the entry is another's or holds something else. */
export function keyArnIn({ providerId, providerInfo }: EncryptedDataKey): KmsArn | undefined {
  if (providerId !== 'aws-kms') return undefined
  try {
    return parseKeyArn(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(providerInfo))
  } catch {
    return undefined // not UTF-8, so not an ARN
  }
}

function demandOneRegion(own: KmsKeyId, given: string | undefined): string | undefined {
  const region = given === undefined ? undefined : demandRegion(given)
  if (!('arn' in own)) return region
  if (region !== undefined && region !== own.arn.region) {
    throw new KeyfoldError('INVALID_ARGUMENT', "awsKms: region: another than that of the key's ARN")
  }
  return own.arn.region
}

function demandFormerKeys(formerKeys: readonly string[], region: string | undefined): readonly KmsArn[] {
  return formerKeys.map((text, index) => {
    const arn = typeof text === 'string' ? parseKeyArn(text) : undefined
    if (arn === undefined)
      throw new KeyfoldError('INVALID_ARGUMENT', `awsKms: formerKeys[${index}]: expected a key ARN`)
    if (region !== undefined && arn.region !== region) {
      const remedy = 'give it a key of its own, with anyOf'
      throw new KeyfoldError('INVALID_ARGUMENT', `awsKms: formerKeys[${index}]: a key of another Region; ${remedy}`)
    }
    return arn
  })
}
