// What AWS KMS costs a new process: loading, the first data key (with it the client and a connection), and each further one,
// against moto on this machine, so that the network's own time is not in it.
// `pnpm --filter @keyfold/bench aws`.
import { availableServer } from '@keyfold/testing/availability'
import { startMoto } from '@keyfold/testing/moto'
import { moto } from '@keyfold/testing/servers'
import { coldStart, type DataKeyCost, dataKeyScript } from './cold-start.ts'

const child = (keyId: string): string =>
  dataKeyScript("const { awsKms } = await import('@keyfold/aws')", `awsKms('${keyId}', { region: 'eu-west-1' })`)

const located = await availableServer(moto)
if (located.state === 'skipped') throw new Error(located.line)
await using server = await startMoto(located)
const credentials = { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' }
const env = { ...process.env, ...credentials, AWS_ENDPOINT_URL_KMS: server.url }
const keyId = await createKey(server.url)
const costs = await coldStart<DataKeyCost>(child(keyId), env)
console.log(`import ${costs.importMs}, first data key ${costs.firstCallMs}, each later ${costs.laterCallMs}`)

/** Without the client, which this process does not need otherwise. */
async function createKey(url: string): Promise<string> {
  const authorization =
    'AWS4-HMAC-SHA256 Credential=bench/20260101/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=0'
  const headers = {
    authorization,
    'x-amz-target': 'TrentService.CreateKey',
    'content-type': 'application/x-amz-json-1.1',
  }
  const response = await fetch(url, { method: 'POST', headers, body: '{}' })
  const { KeyMetadata }: { KeyMetadata: { KeyId: string } } = JSON.parse(await response.text())
  return KeyMetadata.KeyId
}
