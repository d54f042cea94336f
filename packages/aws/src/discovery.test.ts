import { anyOf, createEnvelope, KeyfoldError } from '@keyfold/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import type { AwsKmsDiscoveryOptions } from './discovery.ts'
import {
  account,
  base64,
  bound,
  entryOf,
  type KmsStub,
  keyArn,
  region,
  startKmsStub,
  taken,
  unhurried,
} from './kms-stub.test-support.ts'

const arn = keyArn('k-1')
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at)
const decrypted = { KeyId: arn, Plaintext: base64(dataKey) }
const bounds = { partition: 'aws', accounts: [account], regions: [region] }

let stub: KmsStub
beforeEach(async () => {
  stub = await startKmsStub()
})
afterEach(() => stub[Symbol.asyncDispose]())

const keys = (options: Partial<AwsKmsDiscoveryOptions> = {}) =>
  awsKms.discovery({ ...bounds, client: stub.client(), ...options })
const open = (id: string, options: Partial<AwsKmsDiscoveryOptions> = {}) =>
  keys(options).unwrapDataKey?.({ entry: entryOf(id), length: 32, ...bound({ tenant: 't-42' }) }, unhurried())

describe('discovery', () => {
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#initialization/1
  it.each([
    ['no partition', { partition: '' }],
    ['a partition that is none', { partition: 'aws:kms' }],
    ['no account', { accounts: [] }],
    ['an account that is none', { accounts: ['*'] }],
    ['no Region', { regions: [] }],
    ['a Region that is a host', { regions: ['evil.example'] }],
    ['one client for two Regions', { regions: ['eu-west-1', 'us-east-1'] }],
  ])('is refused with %s', (_, options) => {
    expect(() => keys(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#onencrypt/1
  it('seals nothing', async () => {
    await expect(createEnvelope({ keys: keys() }).encrypt(new Uint8Array(1))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
    expect(stub.calls).toEqual([])
  })

  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/3
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/4
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/5
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/6
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/7
  it('accepts key ARNs of its partition, accounts and Regions alone', () => {
    expect(keys().accepts(entryOf(arn))).toBe(true)
    const strangers = [
      keyArn('k-1', 'us-east-1'),
      keyArn('k-1', region, '444455556666'),
      arn.replace('arn:aws:', 'arn:aws-cn:'),
      arn.replace(':key/', ':alias/'),
      'k-1',
      '',
    ]
    for (const stranger of strangers) expect(keys().accepts(entryOf(stranger)), stranger).toBe(false)
    expect(keys().accepts({ ...entryOf(arn), providerId: 'aws-kms-rsa' })).toBe(false)
  })

  it('answers no more after it was closed, and leaves a ready-made client open', async () => {
    stub.answer(decrypted)
    const client = stub.client()
    const key = keys({ client })
    await key.close?.()
    const refused = key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, unhurried())
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(taken(await open(arn, { client }))).toEqual(dataKey)
  })

  it('makes no call for what it does not accept', async () => {
    await expect(open(keyArn('k-1', 'us-east-1'))).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
    expect(stub.calls).toEqual([])
  })

  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/9
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/10
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/14
  it('opens by one call pinned to the entry’s key', async () => {
    stub.answer(decrypted)
    expect(taken(await open(arn, { grantTokens: ['a'] }))).toEqual(dataKey)
    expect(stub.calls.map(({ operation, body }) => [operation, body])).toEqual([
      ['Decrypt', { KeyId: arn, CiphertextBlob: 'AQID', EncryptionContext: { tenant: 't-42' }, GrantTokens: ['a'] }],
    ])
  })

  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/11
  it.each([undefined, '', 'k-1', keyArn('k-2'), keyArn('k-1', 'us-east-1')])(
    'does not open where the answer’s KeyId is %j',
    async (KeyId) => {
      stub.answer({ ...decrypted, KeyId })
      await expect(open(arn)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    },
  )

  it('goes to the entry’s Region, among those that are named', async () => {
    await using abroad = await startKmsStub()
    abroad.answer({ ...decrypted, KeyId: keyArn('k-1', 'us-east-1') })
    const client = (of: string) => (of === 'us-east-1' ? abroad : stub).client({ region: of })
    const options = { regions: [region, 'us-east-1'], client }
    expect(taken(await open(keyArn('k-1', 'us-east-1'), options))).toEqual(dataKey)
    expect([stub.calls.length, abroad.calls.length]).toEqual([0, 1])
  })

  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/8
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/12
  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/13
  it('goes on to the next entry where an answer has another key or length', async () => {
    const message = await sealedFor(3)
    stub.answer({ ...decrypted, KeyId: keyArn('k-2') }, { times: 1, operation: 'Decrypt' })
    stub.answer({ ...decrypted, Plaintext: base64(dataKey.subarray(1)) }, { times: 1, operation: 'Decrypt' })
    stub.answer(decrypted, { operation: 'Decrypt' })
    await createEnvelope({ keys: keys() }).decrypt(message)
    expect(stub.calls.filter(({ operation }) => operation === 'Decrypt')).toHaveLength(3)
  })

  // spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt/15
  it('tells every entry’s error where none opens', async () => {
    const message = await sealedFor(2)
    stub.answer({ __type: 'AccessDeniedException' }, { status: 400, times: 1, operation: 'Decrypt' })
    stub.answer({ __type: 'DisabledException' }, { status: 400, operation: 'Decrypt' })
    const error: unknown = await createEnvelope({ keys: keys() })
      .decrypt(message)
      .catch((e: unknown) => e)
    expect(KeyfoldError.is(error) && error.attempts.map(({ code }) => code)).toEqual(['ACCESS_DENIED', 'KEY_DISABLED'])
  })
})

/** A message of the stub's data key, with so many entries. */
async function sealedFor(entries: number): Promise<Uint8Array> {
  stub.answer({ ...decrypted, CiphertextBlob: 'AQID' }, { operation: 'GenerateDataKey', times: 1 })
  stub.answer({ KeyId: arn, CiphertextBlob: 'AQID' }, { operation: 'Encrypt', times: entries - 1 })
  const [first, ...others] = Array.from({ length: entries }, () => awsKms(arn, { client: stub.client() }))
  if (first === undefined) throw new Error('no entries')
  return createEnvelope({ keys: anyOf(first, ...others) }).encrypt(new Uint8Array(1))
}
