import {
  CreateAliasCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type AwsKmsOptions, awsKms } from './aws-kms.ts'
import { createKey, type KmsServer, kmsServers } from './kms-servers.test-support.ts'
import { account, type KmsStub, keyArn, kmsClient, region, startKmsStub, unhurried } from './kms-stub.test-support.ts'
import { recordedAnswers, recordingsMissing } from './recorded.test-support.ts'

const arn = keyArn('k-1')

describe.each(kmsServers)('a key of $name', ({ name, server, start }) => {
  let running: KmsServer
  beforeAll(async () => {
    if (server.state === 'located') running = await start()
  }, 100_000)
  afterAll(() => running?.[Symbol.asyncDispose]())
  beforeEach(({ skip }) => {
    if (server.state === 'skipped') skip(server.line)
  })

  it('is described with its ARN, state and rotation, as what an alias leads to', async () => {
    const client = kmsClient(running.url)
    const KeyId = await createKey(client)
    await client.send(new CreateAliasCommand({ AliasName: 'alias/orders', TargetKeyId: KeyId }))
    const key = awsKms('alias/orders', { client })
    const health = { state: 'enabled', keyArn: KeyId, multiRegion: false, concerns: [] }
    expect(await key.describe(unhurried())).toMatchObject({ ...health, rotation: 'off' })
    await client.send(new EnableKeyRotationCommand({ KeyId }))
    expect(await key.describe(unhurried())).toMatchObject({ ...health, rotation: 'on' })
  })

  it('is described as one of several Regions', async () => {
    const client = kmsClient(running.url)
    const key = awsKms(await createKey(client, { MultiRegion: true }), { client })
    expect(await key.describe(unhurried())).toMatchObject({ multiRegion: true })
  })

  it('is described as disabled, and as pending deletion', async () => {
    const client = kmsClient(running.url)
    const KeyId = await createKey(client)
    const key = awsKms(KeyId, { client })
    await client.send(new DisableKeyCommand({ KeyId: idOf(KeyId) }))
    expect(await key.describe(unhurried())).toMatchObject({ state: 'disabled' })
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: idOf(KeyId), PendingWindowInDays: 7 }))
    expect(await key.describe(unhurried())).toMatchObject({ state: 'pending-deletion' })
  })

  // moto seals and opens all the same.
  const heedsState = name !== 'moto'
  if (heedsState)
    it('neither seals nor opens while it is disabled or pending deletion', async () => {
      const client = kmsClient(running.url)
      const KeyId = await createKey(client)
      const { generateDataKey, unwrapDataKey } = awsKms(KeyId, { client })
      const context = { context: {}, contextBytes: new Uint8Array() }
      const made = await generateDataKey?.({ length: 32, ...context }, unhurried())
      if (made === undefined) throw new Error('no data key')
      for (const change of [
        new DisableKeyCommand({ KeyId: idOf(KeyId) }),
        new ScheduleKeyDeletionCommand({ KeyId: idOf(KeyId), PendingWindowInDays: 7 }),
      ]) {
        await client.send(change as DisableKeyCommand) // either; the client's own type takes one at a time
        const sealing = generateDataKey?.({ length: 32, ...context }, unhurried())
        await expect(sealing).rejects.toMatchObject({ code: 'KEY_DISABLED' })
        const opening = unwrapDataKey?.({ entry: made.entry, length: 32, ...context }, unhurried())
        await expect(opening).rejects.toMatchObject({ code: 'KEY_DISABLED' })
      }
    })
})

describe('a description', () => {
  let stub: KmsStub
  beforeEach(async () => {
    stub = await startKmsStub()
  })
  afterEach(() => stub[Symbol.asyncDispose]())

  const describeWith = (KeyMetadata: object, rotation: object, status = 200) => {
    stub.answer({ Aliases: [], Truncated: false }, { operation: 'ListAliases' })
    stub.answer({ KeyMetadata: { Arn: arn, KeyId: 'k-1', ...KeyMetadata } }, { operation: 'DescribeKey' })
    stub.answer(rotation, { operation: 'GetKeyRotationStatus', status })
    return awsKms('alias/orders', { client: stub.client() }).describe(unhurried())
  }

  it.each([
    ['Enabled', 'enabled'],
    ['Updating', 'enabled'],
    ['Disabled', 'disabled'],
    ['PendingDeletion', 'pending-deletion'],
    ['PendingReplicaDeletion', 'pending-deletion'],
    ['PendingImport', 'disabled'],
    ['Unavailable', 'disabled'],
    ['Creating', 'disabled'],
    ['SomethingNew', 'disabled'],
  ])('of the state %s says %s', async (KeyState, state) => {
    expect((await describeWith({ KeyState }, { KeyRotationEnabled: true })).state).toBe(state)
  })

  it('asks for the rotation of the key that an alias leads to, and says its material', async () => {
    const health = await describeWith(
      { KeyState: 'Enabled', CurrentKeyMaterialId: 'm-2' },
      { KeyRotationEnabled: true },
    )
    const told = { state: 'enabled', version: 'm-2', rotation: 'on', keyArn: arn, multiRegion: false, concerns: [] }
    expect(health).toEqual(told)
    expect(stub.calls[1]?.body).toEqual({ KeyId: arn })
  })

  it.each(['AccessDeniedException', 'UnsupportedOperationException', 'KMSInvalidStateException', 'DisabledException'])(
    'says nothing of rotation after %s',
    async (__type) => {
      expect(await describeWith({ KeyState: 'Enabled' }, { __type }, 400)).not.toHaveProperty('rotation')
    },
  )

  it.each(['ThrottlingException', 'KMSInternalException', 'SurprisingException'])('fails after %s', async (__type) => {
    await expect(describeWith({ KeyState: 'Enabled' }, { __type }, 400)).rejects.toThrow(__type)
  })

  it.each(['RSA_2048', 'HMAC_256'])('fails for a key of %s, which makes no data keys', async (KeySpec) => {
    const described = describeWith({ KeyState: 'Enabled', KeySpec }, { KeyRotationEnabled: false })
    await expect(described).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('is of a key of SYMMETRIC_DEFAULT', async () => {
    const KeySpec = 'SYMMETRIC_DEFAULT'
    expect(await describeWith({ KeyState: 'Enabled', KeySpec }, { KeyRotationEnabled: true })).toMatchObject({
      state: 'enabled',
    })
  })

  it('fails without an ARN', async () => {
    await expect(describeWith({ Arn: undefined }, {})).rejects.toMatchObject({ code: 'UNKNOWN' })
  })
})

describe('of concerns, a description says', () => {
  let stub: KmsStub
  beforeEach(async () => {
    stub = await startKmsStub()
    stub.answer({ KeyMetadata: { Arn: arn, KeyState: 'Enabled' } }, { operation: 'DescribeKey' })
    stub.answer({ KeyRotationEnabled: true }, { operation: 'GetKeyRotationStatus' })
  })
  afterEach(() => stub[Symbol.asyncDispose]())

  const made = 1752878128.036
  const aliases = (LastUpdatedDate: number, AliasName = 'alias/orders') => ({
    Aliases: [{ AliasName: 'alias/a' }, { AliasName, CreationDate: made, LastUpdatedDate, TargetKeyId: 'k-1' }],
    Truncated: false,
  })
  const concernsOf = async (key: string, options: AwsKmsOptions = {}) =>
    (await awsKms(key, { client: stub.client(), ...options }).describe(unhurried())).concerns
  const aliasCalls = () => stub.calls.filter(({ operation }) => operation === 'ListAliases')

  it.each(['alias/orders', `arn:aws:kms:${region}:${account}:alias/orders`])('that %s has moved', async (alias) => {
    stub.answer(aliases(made + 1), { operation: 'ListAliases' })
    expect(await concernsOf(alias)).toEqual(['alias-moved'])
    expect(aliasCalls().map(({ body }) => body)).toEqual([{ KeyId: arn }]) // never of all keys
  })

  it('that it has, where the service lists it on another page', async () => {
    stub.answer(
      { ...aliases(made, 'alias/b'), Truncated: true, NextMarker: 'm' },
      { operation: 'ListAliases', times: 1 },
    )
    stub.answer(aliases(made + 1), { operation: 'ListAliases' })
    expect(await concernsOf('alias/orders')).toEqual(['alias-moved'])
  })

  it('nothing of an alias that is as it was made, nor of another that has moved', async () => {
    stub.answer(aliases(made), { operation: 'ListAliases', times: 1 })
    expect(await concernsOf('alias/orders')).toEqual([])
    stub.answer(aliases(made + 1, 'alias/orders2'), { operation: 'ListAliases' })
    expect(await concernsOf('alias/orders')).toEqual([])
  })

  it('nothing of the alias of a recorded answer, which never moved', async ({ skip }) => {
    if (recordingsMissing !== undefined) skip(recordingsMissing)
    const recorded = recordedAnswers().find(({ operation }) => operation === 'ListAliases')
    const told = [expect.objectContaining({ AliasName: 'alias/test-secrets' })]
    expect(recorded?.body).toMatchObject({ Aliases: expect.arrayContaining(told) })
    stub.answer(recorded?.body ?? {}, { operation: 'ListAliases' })
    expect(await concernsOf('alias/test-secrets')).toEqual([])
  })

  it('nothing of a key by its ARN or id, or of an alias beside its former keys, and asks for no aliases', async () => {
    expect(await concernsOf(arn)).toEqual([])
    expect(await concernsOf('k-1')).toEqual([])
    expect(await concernsOf('alias/orders', { formerKeys: [keyArn('k-0')] })).toEqual([])
    expect(aliasCalls()).toEqual([])
  })

  it.each(['AccessDeniedException', 'NotFoundException', 'InvalidArnException'])(
    'nothing of an alias after %s',
    async (__type) => {
      stub.answer({ __type }, { operation: 'ListAliases', status: 400 })
      expect(await concernsOf('alias/orders')).toEqual([])
    },
  )

  it('nothing at all while the aliases cannot be had for another reason', async () => {
    stub.answer({ __type: 'ThrottlingException' }, { operation: 'ListAliases', status: 400 })
    await expect(concernsOf('alias/orders')).rejects.toMatchObject({ code: 'THROTTLED' })
  })

  // Linux and macOS lead 0.0.0.0 to this machine, which its name does not say.
  it('that the service is called over plain HTTP, as the client or the environment has it', async () => {
    const endpoint = stub.url.replace('127.0.0.1', '0.0.0.0')
    expect(await concernsOf(arn, { client: stub.client({ endpoint }) })).toEqual(['plain-http'])
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', endpoint)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    onTestFinished(() => void vi.unstubAllEnvs())
    const key = awsKms(arn)
    onTestFinished(() => key.close())
    expect((await key.describe(unhurried())).concerns).toEqual(['plain-http'])
  })
})

/** moto takes no ARN for a change of state. */
function idOf(arn: string): string {
  return arn.split('/')[1] ?? ''
}
