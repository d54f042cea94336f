// Entries that every release must open. The server is given the key that once sealed them: a public test key.
import { readFileSync } from 'node:fs'
import { createEnvelope, inspect } from '@keyfold/core'
import { startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { cloudKmsClient } from '@keyfold/testing/gcp/cloud-kms-client'
import { expect, test } from 'vitest'
import { transports } from './cloud-kms.test-support.ts'
import { cloudKms } from './cloud-kms.ts'

interface Vector {
  readonly key: string
  readonly material: { readonly key: string; readonly keyId: string }
  readonly context: Readonly<Record<string, string>>
  readonly plaintext: string
  readonly message: string
  readonly providerInfo: string
}

const path = new URL('entries.test-vectors.json', import.meta.url)
const vectors = JSON.parse(readFileSync(path, 'utf8')) as readonly Vector[] // the shape in which it was written

test.each(vectors)('opens a frozen message of $providerInfo', async ({ key, material, context, ...vector }) => {
  await using server = await startCloudKms()
  server.model.createKey(key, { material: { key: Buffer.from(material.key, 'base64'), keyId: material.keyId } })
  for (const transport of transports) {
    const client = cloudKmsClient(server, transport)
    const envelope = createEnvelope({ keys: cloudKms(key, { client }) })
    const { plaintext } = await envelope.decrypt(Buffer.from(vector.message, 'base64'), { context })
    expect(Buffer.from(plaintext).toString()).toBe(vector.plaintext)
    await client.close()
  }
})

test.each(vectors)('finds in the frozen message what the design says: $providerInfo', (vector) => {
  const { encryptedDataKeys } = inspect(Buffer.from(vector.message, 'base64'))
  expect(encryptedDataKeys).toHaveLength(1)
  const [entry] = encryptedDataKeys
  expect(entry?.providerId).toBe('gcp-kms')
  expect(Buffer.from(entry?.providerInfo ?? []).toString()).toBe(`${vector.key}/cryptoKeyVersions/1`)
})
