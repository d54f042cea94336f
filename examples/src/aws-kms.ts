// A key of AWS KMS behind an alias: seals and opens, is refused under another context, and opens what it sealed after the alias
// was moved to another key. moto answers in AWS's place; in earnest leave `client` out.
import assert from 'node:assert/strict'
import { CreateAliasCommand, CreateKeyCommand, KMSClient, UpdateAliasCommand } from '@aws-sdk/client-kms'
import { awsKms } from '@keyfold/aws'
import { createEnvelope, inspect, KeyfoldError } from '@keyfold/core'
import { availableServer } from '@keyfold/testing/availability'
import { startMoto } from '@keyfold/testing/moto'
import { moto } from '@keyfold/testing/servers'

const server = await availableServer(moto)
if (server.state === 'skipped') console.log(`SKIPPED: ${server.line}`)
else await show(server.executable)

async function show(executable: string): Promise<void> {
  await using aws = await startMoto({ executable })
  const region = 'eu-west-1'
  const credentials = { accessKeyId: 'example', secretAccessKey: 'example' }
  const client = new KMSClient({ endpoint: aws.url, region, credentials })
  const createKey = async () => (await client.send(new CreateKeyCommand({}))).KeyMetadata
  const [before, after] = [await createKey(), await createKey()]
  await client.send(new CreateAliasCommand({ AliasName: 'alias/orders', TargetKeyId: before?.KeyId }))

  const envelope = createEnvelope({ keys: awsKms('alias/orders', { client, region }) })
  const order = new TextEncoder().encode('order 7')
  const sealed = await envelope.encrypt(order, { context: { tenant: 't-42' } })
  const [entry] = inspect(sealed).encryptedDataKeys
  console.log('the message names the key itself:', new TextDecoder().decode(entry?.providerInfo))

  const opened = await envelope.decrypt(sealed, { context: { tenant: 't-42' } })
  const refusal: unknown = await envelope
    .decrypt(sealed, { context: { tenant: 't-1' } })
    .catch((error: unknown) => error)
  console.log(new TextDecoder().decode(opened.plaintext), '|', KeyfoldError.is(refusal) && refusal.code)

  await client.send(new UpdateAliasCommand({ AliasName: 'alias/orders', TargetKeyId: after?.KeyId }))
  const moved = awsKms('alias/orders', { client, region, formerKeys: [before?.Arn ?? ''] })
  const again = await createEnvelope({ keys: moved }).decrypt(sealed)
  const { keyArn, state } = await moved.describe({ signal: AbortSignal.timeout(5000) })
  console.log('opened after the alias was moved to', keyArn, state)

  assert.deepEqual([opened.plaintext, again.plaintext], [order, order])
  assert.ok(KeyfoldError.is(refusal) && refusal.code === 'CONTEXT_MISMATCH')
  assert.equal(keyArn, after?.Arn)
}
