import {
  CreateAliasCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { createKey, type KmsServer, kmsServers } from './kms-servers.test-support.ts'
import { type KmsStub, keyArn, kmsClient, startKmsStub, unhurried } from './kms-stub.test-support.ts'

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
    const health = { state: 'enabled', keyArn: KeyId, multiRegion: false }
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
    expect(health).toEqual({ state: 'enabled', version: 'm-2', rotation: 'on', keyArn: arn, multiRegion: false })
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

  it('fails without an ARN', async () => {
    await expect(describeWith({ Arn: undefined }, {})).rejects.toMatchObject({ code: 'UNKNOWN' })
  })
})

/** moto takes no ARN for a change of state. */
function idOf(arn: string): string {
  return arn.split('/')[1] ?? ''
}
