import type { KeyManagementServiceClient } from '@google-cloud/kms'
import { cloudKms } from '@keyfold/gcp'
import { startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { cloudKmsClient, type GoogleTransport } from '@keyfold/testing/gcp/cloud-kms-client'
import { digest } from './context.ts'
import type { BareClient, ServiceKeyRow } from './service-key.ts'

const name = 'projects/bench/locations/europe/keyRings/main/cryptoKeys/orders'

export const cloudKmsKeys: readonly ServiceKeyRow[] = [row('grpc'), row('rest')]

function row(transport: GoogleTransport): ServiceKeyRow {
  return {
    name: `cloudKms, ${transport === 'grpc' ? 'gRPC' : 'REST'}`,
    async start() {
      const server = await startCloudKms()
      server.model.createKey(name)
      const client = cloudKmsClient(server, transport)
      const keys = cloudKms(name, { client })
      return {
        keys,
        bare: bareClient(client),
        counted: { keys, requests: () => server.faults.count() },
        async [Symbol.asyncDispose]() {
          await client.close()
          await server[Symbol.asyncDispose]()
        },
      }
    },
  }
}

/** Without the checksums, which the client leaves to its caller. */
function bareClient(client: KeyManagementServiceClient): BareClient {
  const additionalAuthenticatedData = digest
  return {
    async wrap(plaintext) {
      const [{ ciphertext }] = await client.encrypt({ name, plaintext, additionalAuthenticatedData })
      return bytesOf(ciphertext)
    },
    async unwrap(ciphertext) {
      const [{ plaintext }] = await client.decrypt({ name, ciphertext, additionalAuthenticatedData })
      return bytesOf(plaintext)
    },
  }
}

function bytesOf(answered: Uint8Array | string | null | undefined): Uint8Array {
  if (answered === null || answered === undefined) throw new Error('cloudKms: an answer without bytes')
  return typeof answered === 'string' ? Buffer.from(answered, 'base64') : answered
}
