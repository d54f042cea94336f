// What Cloud KMS costs a new process: loading, the first call, and each further one, against a server of this machine, so that
// the network's own time is not in it. Prints a table; `pnpm --filter @keyfold/bench gcp`.
import { startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { coldStart } from './cold-start.ts'

const key = 'projects/bench/locations/europe/keyRings/main/cryptoKeys/orders'

type Cost = 'importMs' | 'clientMs' | 'firstCallMs' | 'laterCallMs'

const child = (transport: string, address: string, restUrl: string): string => `
  const since = (start) => performance.now() - start
  const { SecretBytes } = await import('@keyfold/core')
  let start = performance.now()
  const { cloudKms } = await import('@keyfold/gcp')
  const importMs = since(start)
  start = performance.now()
  await import('@google-cloud/kms')
  const { cloudKmsClient } = await import('@keyfold/testing/gcp/cloud-kms-client')
  const client = cloudKmsClient(${JSON.stringify({ address, restUrl })}, '${transport}')
  const clientMs = since(start)
  const provider = cloudKms('${key}', { client })
  const call = async () => {
    const started = performance.now()
    const dataKey = SecretBytes.from(crypto.getRandomValues(new Uint8Array(32)))
    const bound = { context: {}, contextBytes: new Uint8Array(0) }
    await provider.wrapDataKey({ dataKey, ...bound }, { signal: new AbortController().signal })
    return since(started)
  }
  const firstCallMs = await call()
  const later = []
  for (let count = 0; count < 200; count++) later.push(await call())
  later.sort((a, b) => a - b)
  console.log(JSON.stringify({ importMs, clientMs, firstCallMs, laterCallMs: later[100] }))
  await client.close()
`

await using server = await startCloudKms()
server.model.createKey(key)
for (const transport of ['grpc', 'rest']) {
  const costs = await coldStart<Cost>(child(transport, server.address, server.restUrl))
  console.log(
    `${transport}: import ${costs.importMs}, client ${costs.clientMs}, first call ${costs.firstCallMs}, each later call ${costs.laterCallMs}`,
  )
}
