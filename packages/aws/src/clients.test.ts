import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { anyOf, createEnvelope, createRegistry, dataKeyCache } from '@keyfold/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aws } from './adapter.ts'
import { type AwsKmsOptions, awsKms } from './aws-kms.ts'
import { base64, bound, entryOf, type KmsStub, keyArn, startKmsStub, unhurried } from './kms-stub.test-support.ts'

const arn = keyArn('k-1')
const generated = { KeyId: arn, Plaintext: base64(new Uint8Array(32)), CiphertextBlob: 'AQID' }

let stub: KmsStub
beforeEach(async () => {
  stub = await startKmsStub()
})
afterEach(() => stub[Symbol.asyncDispose]())

it('loads nothing of AWS when it is imported, nor when a key is made, and its client at the first call', async () => {
  stub.answer({ __type: 'NotFoundException' }, { status: 400 })
  const program = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
    const clients = () => loaded.filter((url) => /@aws-sdk|@smithy/.test(url)).length
    const { aws, awsKms } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)})
    const key = awsKms('${arn}'); aws(); awsKms.discovery({ partition: 'aws', accounts: ['111122223333'], regions: ['eu-west-1'] })
    const before = clients()
    const code = await key.describe({ signal: new AbortController().signal }).catch((error) => error.code)
    console.log(loaded.length > 5, before, code, clients() > 0)`
  const args = ['--conditions=@keyfold/source', '--input-type=module', '--eval', program]
  const credentials = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }
  const env = { ...process.env, ...credentials, AWS_ENDPOINT_URL_KMS: stub.url }
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env })
  expect(stdout).toBe('true 0 KEY_NOT_FOUND true\n')
})

describe('a ready-made client', () => {
  it('is refused where it is for another Region than the ARN, before any call', async () => {
    const key = awsKms(arn, { client: stub.client({ region: 'us-east-1' }) })
    await expect(key.describe(unhurried())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(stub.calls).toEqual([])
  })

  it('says the Region of an alias', async () => {
    stub.answer({ ...generated, KeyId: keyArn('k-1', 'us-east-1') })
    const key = awsKms('alias/orders', { client: stub.client({ region: 'us-east-1' }) })
    const refused = key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, unhurried())
    await expect(refused).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
    expect(stub.calls).toEqual([])
    await key.generateDataKey?.({ length: 32, ...bound() }, unhurried())
    expect(stub.calls).toHaveLength(1)
  })

  it('outlives the key, which answers no more after it was closed', async () => {
    stub.answer(generated)
    const client = stub.client()
    const [one, other] = [awsKms(arn, { client }), awsKms(arn, { client })]
    await one.close()
    await expect(one.describe(unhurried())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await other.generateDataKey?.({ length: 32, ...bound() }, unhurried())
  })
})

describe('a configuration', () => {
  const invalid: readonly [string, string, AwsKmsOptions][] = [
    ['an ARN of one Region with another', arn, { region: 'us-east-1' }],
    ['a Region that is a host', 'alias/orders', { region: 'evil.example' }],
    ['a former key that is an alias', 'alias/orders', { formerKeys: ['alias/old'] }],
    ['a former key of another Region', arn, { formerKeys: [keyArn('k-0', 'us-east-1')] }],
  ]
  // spec: framework/aws-kms/aws-kms-keyring.md#initialization/1
  it.each([...invalid, ['no key', '', {}] as const])('is refused with %s', (_, key, options) => {
    expect(() => awsKms(key, options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

it('is refused with an option that is not known', () => {
  const refused = (make: () => unknown, text: string) =>
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(text) }))
  // Of no type that says what is in them: as plain JavaScript gives them.
  const misspelt: object = { regoin: 'eu-west-1' }
  const misplaced: object = { client: stub.client() }
  const discovered = { partition: 'aws', accounts: ['111122223333'], regions: ['eu-west-1'], acounts: [] }
  refused(() => awsKms('alias/orders', { ...misspelt }), 'awsKms: unknown option "regoin"; known are client, region,')
  refused(() => aws({ ...misplaced }), 'aws: unknown option "client"; known are kmsClient, grantTokens')
  refused(() => awsKms.discovery(discovered), 'awsKms.discovery: unknown option "acounts"; known are partition,')
})

describe('a reference', () => {
  const registry = createRegistry([aws()])
  it.each([
    ['awskms:///alias/orders?region=eu-west-1', 'alias/orders'],
    ['awskms://alias/orders', 'alias/orders'],
    [`awskms:///${arn}`, arn],
    [`awskms:///${arn}?region=eu-west-1`, arn],
    ['awskms:///arn:aws:kms:eu-west-1:111122223333:alias/a/b', 'arn:aws:kms:eu-west-1:111122223333:alias/a/b'],
    ['awskms:///1234abcd-12ab-34cd-56ef-1234567890ab', '1234abcd-12ab-34cd-56ef-1234567890ab'],
  ])('names a key: %s', (reference, name) => expect(registry.key(reference).name).toBe(name))

  it.each([
    `awskms:///${arn}?region=us-east-1`,
    'awskms:///alias/orders?regoin=eu-west-1',
    'awskms:///alias/orders?region=evil.example',
    'awskms:///alias/orders#field',
    'awskms:///alias/%2e%2e/x',
    'awskms:///../sys/seal',
    'awskms:///alias/a%2Fb?region=',
    'awskms:///a/b',
  ])('is refused: %s', (reference) => {
    expect(() => registry.key(reference)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('gives keys the adapter’s client and grant tokens', async () => {
    stub.answer(generated)
    const key = createRegistry([aws({ kmsClient: stub.client(), grantTokens: ['t'] })]).key(`awskms:///${arn}`)
    await key.generateDataKey?.({ length: 32, ...bound() }, unhurried())
    expect(stub.calls[0]?.body['GrantTokens']).toEqual(['t'])
  })
})

describe('a header', () => {
  it('that names another Region, account or key causes no call', async () => {
    stub.answer(generated)
    const message = await createEnvelope({ keys: awsKms(arn, { client: stub.client() }) }).encrypt(new Uint8Array(1))
    const { length } = stub.calls
    const client = stub.client()
    const elsewhere = stub.client({ region: 'us-east-1' })
    const strangers = anyOf(
      awsKms(keyArn('k-2'), { client }),
      awsKms('alias/orders', { client: elsewhere, region: 'us-east-1' }),
      awsKms('arn:aws:kms:eu-west-1:444455556666:alias/orders', { client }),
      awsKms.discovery({ partition: 'aws', accounts: ['444455556666'], regions: ['eu-west-1'], client }),
      awsKms.discovery({ partition: 'aws', accounts: ['111122223333'], regions: ['us-east-1'], client: elsewhere }),
      awsKms.discovery({ partition: 'aws-cn', accounts: ['111122223333'], regions: ['eu-west-1'], client }),
    )
    await expect(createEnvelope({ keys: strangers }).decrypt(message)).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
    expect(stub.calls).toHaveLength(length)
  })
})

it('makes one call for a thousand messages that need a data key at once', async () => {
  stub.answer(generated)
  const keys = awsKms(arn, { client: stub.client() })
  await using envelope = createEnvelope({ keys, cache: dataKeyCache({ maxAgeMs: 60_000 }) })
  await Promise.all(Array.from({ length: 1000 }, () => envelope.encrypt(new Uint8Array(8))))
  expect(stub.calls).toHaveLength(1)
})
