import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { awsKms } from '@keyfold/aws'
import { availableServer } from '@keyfold/testing/availability'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { startMoto } from '@keyfold/testing/moto'
import { moto } from '@keyfold/testing/servers'
import { context } from '../fixtures.ts'
import type { BareClient, ServiceKeyRow } from './service-key.ts'

export const awsKmsKey: ServiceKeyRow = {
  name: 'awsKms',
  async start() {
    const located = await availableServer(moto)
    if (located.state === 'skipped') throw new Error(located.line)
    const server = await startMoto(located)
    const proxy = await startFaultProxy({ target: server.url })
    const [client, countedClient] = [clientOf(server.url), clientOf(proxy.url)]
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
    const arn = KeyMetadata?.Arn ?? ''
    return {
      keys: awsKms(arn, { client }),
      bare: bareClient(client, arn),
      counted: { keys: awsKms(arn, { client: countedClient }), requests: () => proxy.requests.length },
      async [Symbol.asyncDispose]() {
        for (const one of [client, countedClient]) one.destroy()
        await proxy[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  },
}

function clientOf(endpoint: string): KMSClient {
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' }
  return new KMSClient({ endpoint, region: 'eu-west-1', credentials })
}

function bareClient(client: KMSClient, KeyId: string): BareClient {
  const EncryptionContext = { ...context }
  return {
    async wrap(Plaintext) {
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }))
      return CiphertextBlob ?? new Uint8Array()
    },
    async unwrap(CiphertextBlob) {
      const { Plaintext } = await client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }))
      return Plaintext ?? new Uint8Array()
    },
  }
}
