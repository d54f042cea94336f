/*
 * What changes behind a name: a key's material, what an alias leads to, and the Region that answers. LocalStack alone does
 * all of it.
 */
import {
  CreateAliasCommand,
  type KMSClient,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { createEnvelope, type Envelope, type KeyProvider } from '@keyfold/core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { createKey, type KmsServer, kmsServers } from './kms-servers.test-support.ts'
import { kmsClient, region } from './kms-stub.test-support.ts'

const localStack = kmsServers.find(({ name }) => name === 'LocalStack')
const plaintext = new TextEncoder().encode('before and after')

let running: KmsServer
let client: KMSClient
beforeAll(async () => {
  if (localStack?.server.state !== 'located') return
  running = await localStack.start()
  client = kmsClient(running.url)
}, 100_000)
afterAll(() => running?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => {
  if (localStack?.server.state === 'skipped') skip(localStack.server.line)
})

it('opens what an earlier material of the key sealed', async () => {
  const KeyId = await createKey(client)
  const envelope = envelopeOf(awsKms(KeyId, { client }))
  const before = await envelope.encrypt(plaintext)
  await client.send(new RotateKeyOnDemandCommand({ KeyId }))
  const after = await envelope.encrypt(plaintext)
  for (const message of [before, after]) expect((await envelope.decrypt(message)).plaintext).toEqual(plaintext)
})

it('opens what an alias sealed before it was moved, once its former key is named, and not before', async () => {
  const [old, current] = [await createKey(client), await createKey(client)]
  await client.send(new CreateAliasCommand({ AliasName: 'alias/moving', TargetKeyId: old }))
  const message = await envelopeOf(awsKms('alias/moving', { client, region })).encrypt(plaintext)
  // LocalStack takes an ARN here, and then does not find it.
  await client.send(new UpdateAliasCommand({ AliasName: 'alias/moving', TargetKeyId: current.split('/')[1] }))
  const unnamed = envelopeOf(awsKms('alias/moving', { client, region }))
  await expect(unnamed.decrypt(message)).rejects.toThrow('formerKeys')
  await expect(unnamed.decrypt(message)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  const named = envelopeOf(awsKms('alias/moving', { client, region, formerKeys: [old] }))
  expect((await named.decrypt(message)).plaintext).toEqual(plaintext)
  expect((await named.decrypt(await named.encrypt(plaintext))).plaintext).toEqual(plaintext)
})

it('opens what another Region’s replica sealed, in its own Region, only when asked to', async () => {
  const primary = await createKey(client, { MultiRegion: true })
  await client.send(new ReplicateKeyCommand({ KeyId: primary, ReplicaRegion: 'us-east-1' }))
  const message = await envelopeOf(awsKms(primary, { client })).encrypt(plaintext)
  const abroad = { client: kmsClient(running.url, { region: 'us-east-1' }) }
  const replica = primary.replace(region, 'us-east-1')
  await expect(envelopeOf(awsKms(replica, abroad)).decrypt(message)).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
  const opened = await envelopeOf(awsKms(replica, { ...abroad, multiRegion: true })).decrypt(message)
  expect(opened.plaintext).toEqual(plaintext)
})

function envelopeOf(keys: KeyProvider): Envelope {
  return createEnvelope({ keys })
}
