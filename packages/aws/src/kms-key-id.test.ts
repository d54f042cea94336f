import { describe, expect, it } from 'vitest'
import {
  demandKmsKeyId,
  isMultiRegion,
  isSameKey,
  type KmsArn,
  parseKeyArn,
  parseKmsArn,
  partitionOf,
} from './kms-key-id.ts'

const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'

describe('an ARN of AWS KMS', () => {
  it('is read into its parts', () => {
    expect(parseKmsArn(key)).toEqual({
      text: key,
      partition: 'aws',
      region: 'eu-west-1',
      account: '111122223333',
      type: 'key',
      id: '1234abcd-12ab-34cd-56ef-1234567890ab',
    })
  })

  it.each(['aws', 'aws-cn', 'aws-us-gov', 'aws-iso-b', 'aws-eusc'])('is of the partition %s', (partition) => {
    expect(parseKmsArn(`arn:${partition}:kms:r-1:111122223333:key/k`)?.partition).toBe(partition)
  })

  // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/6
  it('keeps every slash behind the first in the id', () => {
    expect(parseKmsArn('arn:aws:kms:eu-west-1:111122223333:alias/a/b/c')?.id).toBe('a/b/c')
    expect(parseKmsArn('arn:aws:kms:eu-west-1:111122223333:key:k')).toBeUndefined()
    expect(parseKmsArn('arn:aws:kms:eu-west-1:111122223333:')).toBeUndefined()
  })

  it.each([
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/1
    ['another first word', 'arm:aws:kms:eu-west-1:111122223333:key/k'],
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/2
    ['no partition', 'arn::kms:eu-west-1:111122223333:key/k'],
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/3
    ['another service', 'arn:aws:s3:eu-west-1:111122223333:key/k'],
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/4
    ['no Region', 'arn:aws:kms::111122223333:key/k'],
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/5
    ['no account', 'arn:aws:kms:eu-west-1::key/k'],
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/7
    ['another type', 'arn:aws:kms:eu-west-1:111122223333:grant/k'],
    // spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn/8
    ['no id', 'arn:aws:kms:eu-west-1:111122223333:key/'],
    ['a Region that is a host', 'arn:aws:kms:evil.example:111122223333:key/k'],
    ['a Region that ends a host', 'arn:aws:kms:eu-west-1/x:111122223333:key/k'],
    ['an account that is no number', 'arn:aws:kms:eu-west-1:11112222333a:key/k'],
    ['a parent folder', 'arn:aws:kms:eu-west-1:111122223333:key/../sys'],
    ['an encoded dot', 'arn:aws:kms:eu-west-1:111122223333:key/%2e%2e'],
    ['a letter beyond ASCII', 'arn:aws:kms:eu-west-1:111122223333:key/ké'],
    ['a line more', 'arn:aws:kms:eu-west-1:111122223333:key/k\n'],
    ['a space', ' arn:aws:kms:eu-west-1:111122223333:key/k'],
    ['2049 characters', `arn:aws:kms:eu-west-1:111122223333:key/${'k'.repeat(2049 - 39)}`],
  ])('is none with %s', (_, text) => {
    expect(parseKmsArn(text)).toBeUndefined()
    expect(() => demandKmsKeyId(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('of an alias is no key ARN', () => {
    expect(parseKeyArn(key)).toBeDefined()
    expect(parseKeyArn('arn:aws:kms:eu-west-1:111122223333:alias/a')).toBeUndefined()
  })
})

describe('a multi-Region key', () => {
  // spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn/1
  // spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn/4
  it('is a key whose id begins with mrk-', () => {
    expect(isMultiRegion(arn('arn:aws:kms:eu-west-1:111122223333:key/mrk-1'))).toBe(true)
  })

  // spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn/5
  it('is not a key with mrk- elsewhere', () => {
    expect(isMultiRegion(arn('arn:aws:kms:eu-west-1:111122223333:key/1-mrk-1'))).toBe(false)
  })

  // spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn/3
  it('is not an alias of that name', () => {
    expect(isMultiRegion(arn('arn:aws:kms:eu-west-1:111122223333:alias/mrk-1'))).toBe(false)
  })
})

describe('one key', () => {
  const mrk = arn('arn:aws:kms:eu-west-1:111122223333:key/mrk-1')
  const same = (other: string, multiRegion = true): boolean => isSameKey(mrk, arn(other), multiRegion)

  // spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation/1
  // spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation/2
  it('is the same text, whatever its kind', () => {
    expect(isSameKey(arn(key), arn(key), true)).toBe(true)
    expect(isSameKey(arn(key), arn(key), false)).toBe(true)
  })

  // spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation/3
  it('is not another Region’s of a key that is of one Region', () => {
    expect(isSameKey(arn(key), arn(key.replace('eu-west-1', 'us-east-1')), true)).toBe(false)
    expect(isSameKey(mrk, arn(key), true)).toBe(false)
    expect(isSameKey(arn(key), mrk, true)).toBe(false)
  })

  // spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation/4
  it('is a multi-Region key’s of another Region, only when asked for, and of nothing else that differs', () => {
    expect(same('arn:aws:kms:us-east-1:111122223333:key/mrk-1')).toBe(true)
    expect(same('arn:aws:kms:us-east-1:111122223333:key/mrk-1', false)).toBe(false)
    expect(same('arn:aws-cn:kms:us-east-1:111122223333:key/mrk-1')).toBe(false)
    expect(same('arn:aws:kms:us-east-1:111122223334:key/mrk-1')).toBe(false)
    expect(same('arn:aws:kms:us-east-1:111122223333:key/mrk-2')).toBe(false)
    expect(same('arn:aws:kms:us-east-1:111122223333:alias/mrk-1')).toBe(false)
  })
})

describe('a configured key', () => {
  it.each([
    [key, 'key ARN'],
    ['arn:aws:kms:eu-west-1:111122223333:alias/orders', 'alias ARN'],
    ['alias/orders', 'alias'],
    ['alias/a/b', 'alias'],
    ['1234abcd-12ab-34cd-56ef-1234567890ab', 'key id'],
    ['mrk-1234abcd12ab34cd56ef1234567890ab', 'key id'],
  ])('is taken: %s', (text, form) => {
    expect(demandKmsKeyId(text)).toMatchObject({ text, form })
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#initialization/3
  // spec: framework/aws-kms/aws-kms-keyring.md#initialization/4
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization/2
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization/3
  it.each(['', 'alias/', 'a/b', '../sys/seal', '%2e%2e', 'alias/../x', 'ключ', 'a b', 'key\u0000', 'alias/%2e'])(
    'is refused: %j',
    (text) => {
      expect(() => demandKmsKeyId(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    },
  )
})

it.each([
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['us-iso-east-1', 'aws-iso'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['eusc-de-east-1', 'aws-eusc'],
])('the Region %s is of the partition %s', (region, partition) => expect(partitionOf(region)).toBe(partition))

function arn(text: string): KmsArn {
  const parsed = parseKmsArn(text)
  if (parsed === undefined) throw new Error(`no ARN: ${text}`)
  return parsed
}
