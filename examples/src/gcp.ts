// A key of Google Cloud KMS, against the test server of this repository: sealed, rotated by the service, opened; and what a
// version that somebody disabled means. In earnest, leave `client` out: Application Default Credentials are found by themselves.
import assert from 'node:assert/strict'
import { createEnvelope, createRegistry, inspect, KeyfoldError } from '@keyfold/core'
import { gcp } from '@keyfold/gcp'
import { startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { cloudKmsClient } from '@keyfold/testing/gcp/cloud-kms-client'

await using server = await startCloudKms()
const name = server.model.createKey('projects/shop/locations/europe/keyRings/main/cryptoKeys/orders')
const client = cloudKmsClient(server, 'grpc')

const registry = createRegistry([gcp({ kms: { client } })])
const key = registry.key(`gcpkms://${name}`)
const envelope = createEnvelope({ keys: key, requireContext: ['tenant'] })
const context = { tenant: 't-42' }
const versionIn = (message: Uint8Array): string | undefined => {
  const [entry] = inspect(message).encryptedDataKeys
  return new TextDecoder().decode(entry?.providerInfo).split('/').at(-1)
}

const before = await envelope.encrypt(new TextEncoder().encode('order 7'), { context })
server.model.rotate(name) // as the service does by itself, once in a rotation period
const after = await envelope.encrypt(new TextEncoder().encode('order 8'), { context })
console.log(`sealed by version ${versionIn(before)}, then ${versionIn(after)}`)
console.log(await key.describe?.({ signal: AbortSignal.timeout(5000) }))

const opened = await envelope.decrypt(before, { context })
console.log(new TextDecoder().decode(opened.plaintext), opened.openedBy.providerId)

server.model.setState(name, 1, 'DISABLED')
const refusal: unknown = await envelope.decrypt(before, { context }).catch((error: unknown) => error)
console.log(KeyfoldError.is(refusal) && refusal.message)

assert.deepEqual([versionIn(before), versionIn(after)], ['1', '2'])
assert.equal(opened.openedBy.name, name)
assert.ok(KeyfoldError.is(refusal) && refusal.code === 'KEY_DISABLED')
await envelope.close()
await client.close()
