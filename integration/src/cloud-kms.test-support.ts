import { cloudKms, gcp } from '@keyfold/gcp'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { cloudKmsClient } from '@keyfold/testing/gcp/cloud-kms-client'
import type { ServedKey } from './served-key.test-support.ts'

const name = 'projects/test-project/locations/europe/keyRings/main/cryptoKeys/orders'

/** A key of Cloud KMS, over gRPC. */
export async function startCloudKmsKey(): Promise<ServedKey> {
  await using starting = new AsyncDisposableStack()
  const server = starting.use(await startCloudKms())
  server.model.createKey(name)
  const proxy = starting.use(await startFaultProxy({ target: `grpc://${server.address}` }))
  const client = cloudKmsClient({ address: new URL(proxy.url).host, restUrl: server.restUrl }, 'grpc')
  starting.defer(() => client.close())
  const permissionDenied = { 'content-type': 'application/grpc', 'grpc-status': '7' }
  const started = starting.move()
  return {
    key: cloudKms(name, { client }),
    proxy,
    reference: `gcpkms://${name}`,
    adapter: gcp({ kms: { client } }),
    denial: { kind: 'status', status: 200, headers: permissionDenied },
    isDataKeyCall: ({ path }) => path.endsWith('/Encrypt'),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
