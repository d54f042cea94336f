import { anyOf, createEnvelope, type EncryptedDataKey, KeyfoldError } from '@keyfold/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsOptions, awsKms } from './aws-kms.ts'
import {
  base64,
  bound,
  entryOf,
  type KmsStub,
  keyArn,
  startKmsStub,
  taken,
  unhurried,
} from './kms-stub.test-support.ts'

const arn = keyArn('k-1')
const mrk = keyArn('mrk-1')
const replica = keyArn('mrk-1', 'us-east-1')
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at)
const decrypted = { KeyId: arn, Plaintext: base64(dataKey) }

let stub: KmsStub
beforeEach(async () => {
  stub = await startKmsStub()
})
afterEach(() => stub[Symbol.asyncDispose]())

const keys = (id: string, options: AwsKmsOptions = {}) =>
  awsKms(id, { client: stub.client(), region: 'eu-west-1', ...options })
const unwrap = (id: string, entry: EncryptedDataKey, options?: AwsKmsOptions) =>
  keys(id, options).unwrapDataKey?.({ entry, length: 32, ...bound({ tenant: 't-42' }) }, unhurried())

describe('an entry is accepted', () => {
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/3
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/6
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/3
  it('under a key ARN that is the entry’s own, and no other', () => {
    expect(keys(arn).accepts(entryOf(arn))).toBe(true)
    for (const other of [
      keyArn('k-2'),
      keyArn('k-1', 'us-east-1'),
      keyArn('k-1', 'eu-west-1', '444455556666'),
      replica,
    ]) {
      expect(keys(arn).accepts(entryOf(other)), other).toBe(false)
    }
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/4
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/4
  it.each(['aws-kms-rsa', 'aws-kms-ecdh', 'aws-kms-hierarchy', 'AWS-KMS', 'aws-km', ''])(
    'not of the provider %j',
    (providerId) => {
      expect(keys(arn).accepts({ ...entryOf(arn), providerId })).toBe(false)
      expect(keys('alias/orders').accepts({ ...entryOf(arn), providerId })).toBe(false)
    },
  )

  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/5
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/5
  it.each([
    '',
    'k-1',
    'alias/orders',
    arn.replace(':key/', ':alias/'),
    `${arn}\u0000`,
    `\ufeff${arn}`,
    arn.toUpperCase(),
  ])('not with %j in it', (info) => {
    for (const id of [arn, 'alias/orders', 'k-1']) expect(keys(id).accepts(entryOf(info))).toBe(false)
  })

  it('not with bytes that are no UTF-8', () => {
    const providerInfo = Uint8Array.of(...new TextEncoder().encode(arn), 0xff)
    expect(keys('alias/orders').accepts({ ...entryOf(arn), providerInfo })).toBe(false)
  })

  it('under an alias, where it is of the Region and its partition', () => {
    for (const id of ['k-1', 'k-2', 'mrk-1']) expect(keys('alias/orders').accepts(entryOf(keyArn(id)))).toBe(true)
    expect(keys('alias/orders').accepts(entryOf(keyArn('k-1', 'eu-west-1', '444455556666')))).toBe(true)
    expect(keys('alias/orders').accepts(entryOf(keyArn('k-1', 'us-east-1')))).toBe(false)
    expect(keys('alias/orders').accepts(entryOf(arn.replace('arn:aws:', 'arn:aws-cn:')))).toBe(false)
  })

  it('under an alias ARN, where it is of the account too', () => {
    const alias = 'arn:aws:kms:eu-west-1:111122223333:alias/orders'
    expect(keys(alias).accepts(entryOf(arn))).toBe(true)
    expect(keys(alias).accepts(entryOf(keyArn('k-1', 'eu-west-1', '444455556666')))).toBe(false)
    expect(keys(alias).accepts(entryOf(keyArn('k-1', 'us-east-1')))).toBe(false)
  })

  it('under a bare key id, where it has that id too', () => {
    expect(keys('k-1').accepts(entryOf(arn))).toBe(true)
    expect(keys('k-1').accepts(entryOf(keyArn('k-2')))).toBe(false)
    expect(keys('k-1').accepts(entryOf(keyArn('k-1', 'us-east-1')))).toBe(false)
  })

  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/6
  it('of another Region’s replica, only where multi-Region keys are asked for', () => {
    expect(keys(mrk, { multiRegion: true }).accepts(entryOf(replica))).toBe(true)
    expect(keys(mrk).accepts(entryOf(replica))).toBe(false)
    expect(keys('mrk-1', { multiRegion: true }).accepts(entryOf(replica))).toBe(true)
    expect(keys('mrk-1').accepts(entryOf(replica))).toBe(false)
    expect(keys('alias/orders', { multiRegion: true }).accepts(entryOf(replica))).toBe(true)
    expect(keys('alias/orders', { multiRegion: true }).accepts(entryOf(keyArn('k-1', 'us-east-1')))).toBe(false)
    expect(keys(arn, { multiRegion: true }).accepts(entryOf(keyArn('k-1', 'us-east-1')))).toBe(false)
  })

  it('of a former key', () => {
    const former = { formerKeys: [keyArn('k-0'), keyArn('k-00', 'eu-west-1', '444455556666')] }
    for (const id of [...former.formerKeys, arn]) expect(keys(arn, former).accepts(entryOf(id))).toBe(true)
    expect(keys(arn, former).accepts(entryOf(keyArn('k-2')))).toBe(false)
  })
})

describe('an entry is opened', () => {
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/9
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/10
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/11
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/12
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/13
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/14
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/18
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/19
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/9
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/10
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/14
  it.each([arn, 'alias/orders', 'k-1', 'arn:aws:kms:eu-west-1:111122223333:alias/orders'])(
    'by one call pinned to the configured %s, with ciphertext, context and grant tokens',
    async (KeyId) => {
      stub.answer(decrypted)
      expect(taken(await unwrap(KeyId, entryOf(arn), { grantTokens: ['a'] }))).toEqual(dataKey)
      expect(stub.calls.map(({ operation, body }) => [operation, body])).toEqual([
        ['Decrypt', { KeyId, CiphertextBlob: 'AQID', EncryptionContext: { tenant: 't-42' }, GrantTokens: ['a'] }],
      ])
    },
  )

  it('under a former key’s own name', async () => {
    stub.answer({ ...decrypted, KeyId: keyArn('k-0') })
    expect(taken(await unwrap('alias/orders', entryOf(keyArn('k-0')), { formerKeys: [keyArn('k-0')] }))).toEqual(
      dataKey,
    )
    expect(stub.calls[0]?.body['KeyId']).toBe(keyArn('k-0'))
  })

  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/11
  it('in its own Region where a replica of another sealed it', async () => {
    stub.answer({ ...decrypted, KeyId: mrk })
    expect(taken(await unwrap(mrk, entryOf(replica), { multiRegion: true }))).toEqual(dataKey)
    expect(stub.calls[0]?.body['KeyId']).toBe(mrk)
    for (const KeyId of [keyArn('mrk-2'), replica]) {
      stub.answer({ ...decrypted, KeyId })
      await expect(unwrap(mrk, entryOf(replica), { multiRegion: true })).rejects.toMatchObject({
        code: 'AUTHENTICATION_FAILED',
      })
    }
  })

  it('by the replica that an alias leads to, and by no other key', async () => {
    stub.answer({ ...decrypted, KeyId: mrk })
    expect(taken(await unwrap('alias/orders', entryOf(replica), { multiRegion: true }))).toEqual(dataKey)
    stub.answer({ ...decrypted, KeyId: keyArn('mrk-2') })
    await expect(unwrap('alias/orders', entryOf(replica), { multiRegion: true })).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
    })
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/15
  it.each([
    undefined,
    '',
    'k-1',
    keyArn('k-2'),
    keyArn('k-1', 'us-east-1'),
    keyArn('k-1', 'eu-west-1', '444455556666'),
  ])('not where the answer’s KeyId is %j', async (KeyId) => {
    stub.answer({ ...decrypted, KeyId })
    for (const id of [arn, 'alias/orders', 'k-1']) {
      await expect(unwrap(id, entryOf(arn))).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    }
  })
})

describe('a message of several entries', () => {
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/7
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/16
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/17
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/7
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/12
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/13
  it('is opened by the next one where an answer has another key or another length', async () => {
    const message = await sealedFor([1, 2, 3])
    stub.answer({ ...decrypted, KeyId: keyArn('k-2') }, { times: 1, operation: 'Decrypt' })
    stub.answer({ ...decrypted, Plaintext: base64(dataKey.subarray(1)) }, { times: 1, operation: 'Decrypt' })
    stub.answer(decrypted, { operation: 'Decrypt' })
    await createEnvelope({ keys: keys(arn) }).decrypt(message)
    expect(decryptedBlobs()).toEqual(['AQ==', 'Ag==', 'Aw=='])
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/8
  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/20
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/8
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/15
  it('is refused with every entry’s error where none opens', async () => {
    const message = await sealedFor([1, 2])
    stub.answer({ __type: 'InvalidCiphertextException' }, { status: 400, times: 1, operation: 'Decrypt' })
    stub.answer({ __type: 'DisabledException' }, { status: 400, operation: 'Decrypt' })
    const error: unknown = await createEnvelope({ keys: keys(arn) })
      .decrypt(message)
      .catch((e: unknown) => e)
    expect(KeyfoldError.is(error) && error.attempts.map(({ code }) => code)).toEqual([
      'AUTHENTICATION_FAILED',
      'KEY_DISABLED',
    ])
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt/3
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt/3
  it.each([
    ['aws-kms-rsa', 'a KMS RSA key'],
    ['aws-kms-ecdh', 'a KMS ECDH key'],
    ['aws-kms-hierarchy', 'a hierarchical keyring'],
  ])('is UNSUPPORTED where they are of %s, by name', async (providerId, name) => {
    const { generateDataKey: _, ...key } = keys(arn)
    const wrapDataKey = async () => ({ ...entryOf(arn), providerId })
    const message = await createEnvelope({ keys: { ...key, wrapDataKey } }).encrypt(new Uint8Array(1))
    const refused = createEnvelope({ keys: keys(arn) }).decrypt(message)
    await expect(refused).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining(name) })
    expect(stub.calls).toEqual([])
  })

  it('costs no call for entries that are not the key’s', async () => {
    const message = await sealedFor([1, 2])
    const envelope = createEnvelope({ keys: keys(keyArn('k-9')) })
    await expect(envelope.decrypt(message)).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
    expect(decryptedBlobs()).toEqual([])
  })
})

/** A message of the stub's data key, with an entry for each byte. */
async function sealedFor(blobs: readonly number[]): Promise<Uint8Array> {
  const [first = 0, ...others] = blobs
  stub.answer(
    { ...decrypted, CiphertextBlob: base64(Uint8Array.of(first)) },
    { operation: 'GenerateDataKey', times: 1 },
  )
  for (const other of others) {
    stub.answer({ KeyId: arn, CiphertextBlob: base64(Uint8Array.of(other)) }, { operation: 'Encrypt', times: 1 })
  }
  const [generator = keys(arn), ...recipients] = blobs.map(() => keys(arn))
  return createEnvelope({ keys: anyOf(generator, ...recipients) }).encrypt(new Uint8Array(1))
}

function decryptedBlobs(): readonly unknown[] {
  return stub.calls.filter(({ operation }) => operation === 'Decrypt').map(({ body }) => body['CiphertextBlob'])
}
