import { anyOf, createEnvelope, inspect, rawAes, SecretBytes } from '@keyfold/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsOptions, awsKms } from './aws-kms.ts'
import { base64, bound, type KmsStub, keyArn, startKmsStub, taken, unhurried } from './kms-stub.test-support.ts'

const arn = keyArn('k-1')
const dataKey = Uint8Array.from({ length: 32 }, (_, at) => at)
const ciphertext = Uint8Array.of(9, 8, 7)
const generated = { KeyId: arn, Plaintext: base64(dataKey), CiphertextBlob: base64(ciphertext) }
const encrypted = { KeyId: arn, CiphertextBlob: base64(ciphertext) }

let stub: KmsStub
beforeEach(async () => {
  stub = await startKmsStub()
})
afterEach(() => stub[Symbol.asyncDispose]())

const keys = (id: string, options: AwsKmsOptions = {}) => awsKms(id, { client: stub.client(), ...options })
const generate = (id: string, options?: AwsKmsOptions, length = 32) =>
  keys(id, options).generateDataKey?.({ length, ...bound({ tenant: 't-42' }) }, unhurried())
const wrap = (id: string, options?: AwsKmsOptions) =>
  keys(id, options).wrapDataKey?.(
    { dataKey: SecretBytes.from(dataKey.slice()), ...bound({ tenant: 't-42' }) },
    unhurried(),
  )

describe('a data key is generated', () => {
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/2
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/3
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/4
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/5
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/6
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/7
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/8
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/2
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/3
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/4
  it.each([16, 24, 32])(
    'by one call, of %i bytes, under the configured name, with context and grant tokens',
    async (length) => {
      stub.answer({ ...generated, Plaintext: base64(dataKey.subarray(0, length)) })
      await generate('alias/orders', { grantTokens: ['a', 'b'] }, length)
      expect(stub.calls.map(({ operation, body }) => [operation, body])).toEqual([
        [
          'GenerateDataKey',
          {
            KeyId: 'alias/orders',
            NumberOfBytes: length,
            EncryptionContext: { tenant: 't-42' },
            GrantTokens: ['a', 'b'],
          },
        ],
      ])
    },
  )

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/12
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/13
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/14
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/15
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/16
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/17
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/8
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/9
  it('as the answer has it, with an entry that names the key that answered', async () => {
    stub.answer(generated)
    const made = await generate('alias/orders')
    expect(taken(made?.dataKey)).toEqual(dataKey)
    expect(made?.entry).toEqual({ providerId: 'aws-kms', providerInfo: new TextEncoder().encode(arn), ciphertext })
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/9
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/5
  it('or the call fails, and no message comes of it', async () => {
    stub.answer({ __type: 'DisabledException' }, { status: 400 })
    const envelope = createEnvelope({ keys: keys(arn) })
    await expect(envelope.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'KEY_DISABLED' })
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/10
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/6
  it.each([0, 16, 31, 33])('and refused with %i bytes where 32 were asked for', async (length) => {
    stub.answer({ ...generated, Plaintext: base64(new Uint8Array(length)) })
    await expect(createEnvelope({ keys: keys(arn) }).encrypt(new Uint8Array(1))).rejects.toThrow(/bytes/)
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/11
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/7
  it.each([undefined, '', 'k-1', 'alias/orders', arn.replace(':key/', ':alias/'), `${arn}\n`])(
    'and refused where the answer’s KeyId is %j',
    async (KeyId) => {
      stub.answer({ ...generated, KeyId })
      await expect(generate('alias/orders')).rejects.toMatchObject({ code: 'UNKNOWN' })
    },
  )

  it('and refused where another key answered than the one that was named', async () => {
    stub.answer({ ...generated, KeyId: keyArn('k-2') })
    await expect(generate(arn)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    await expect(generate('k-1')).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    stub.answer({ ...generated, KeyId: keyArn('k-1', 'eu-west-1', '444455556666') })
    await expect(generate('arn:aws:kms:eu-west-1:111122223333:alias/orders')).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
    })
  })

  it('and refused without plaintext or ciphertext', async () => {
    stub.answer({ KeyId: arn, CiphertextBlob: base64(ciphertext) }, { times: 1 })
    await expect(generate(arn)).rejects.toMatchObject({ code: 'UNKNOWN' })
    stub.answer({ KeyId: arn, Plaintext: base64(dataKey) })
    await expect(generate(arn)).rejects.toMatchObject({ code: 'UNKNOWN' })
  })
})

describe('another key’s data key is encrypted', () => {
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/18
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/19
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/20
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/21
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/22
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/23
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/24
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/10
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/11
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/12
  it('by one call, under the configured name, with context and grant tokens', async () => {
    stub.answer(encrypted)
    await wrap('alias/orders', { grantTokens: ['a'] })
    expect(stub.calls.map(({ operation, body }) => [operation, body])).toEqual([
      [
        'Encrypt',
        {
          KeyId: 'alias/orders',
          Plaintext: base64(dataKey),
          EncryptionContext: { tenant: 't-42' },
          GrantTokens: ['a'],
        },
      ],
    ])
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/27
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/28
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/29
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/30
  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/31
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/15
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/16
  it('into an entry that stands beside the first one', async () => {
    stub.answer(encrypted)
    const first = rawAes({ namespace: 'example', name: 'k1', key: new Uint8Array(32) })
    const sealed = await createEnvelope({ keys: anyOf(first, keys(arn)) }).encrypt(new Uint8Array(1))
    const [, entry] = inspect(sealed).encryptedDataKeys
    expect(entry).toEqual({ providerId: 'aws-kms', providerInfo: new TextEncoder().encode(arn), ciphertext })
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/25
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/13
  it('or the call fails, and no message comes of it', async () => {
    stub.answer({ __type: 'AccessDeniedException' }, { status: 400 })
    const first = rawAes({ namespace: 'example', name: 'k1', key: new Uint8Array(32) })
    const envelope = createEnvelope({ keys: anyOf(first, keys(arn)) })
    await expect(envelope.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })

  // spec: framework/aws-kms/aws-kms-keyring.md#onencrypt/26
  // spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt/14
  it('and refused where the answer’s KeyId is no key ARN, or another key’s', async () => {
    stub.answer({ ...encrypted, KeyId: 'alias/orders' }, { times: 1 })
    await expect(wrap('alias/orders')).rejects.toMatchObject({ code: 'UNKNOWN' })
    stub.answer({ ...encrypted, KeyId: keyArn('k-2') })
    await expect(wrap(arn)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  })
})

describe('grant tokens', () => {
  it('are fetched for each call where they are a function', async () => {
    stub.answer(generated)
    let fetched = 0
    const grantTokens = async () => [`token-${++fetched}`]
    const key = keys(arn, { grantTokens })
    for (const _ of [1, 2]) await key.generateDataKey?.({ length: 32, ...bound() }, unhurried())
    expect(stub.calls.map(({ body }) => body['GrantTokens'])).toEqual([['token-1'], ['token-2']])
  })
})
