import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { aws, awsKms } from '@keyfold/aws'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { startMoto } from '@keyfold/testing/moto'
import type { ServedKey } from './served-key.test-support.ts'

/** A key of AWS KMS, as moto has it. */
export async function startAwsKms(moto: { readonly executable: string }): Promise<ServedKey> {
  await using starting = new AsyncDisposableStack()
  const server = starting.use(await startMoto(moto))
  const proxy = starting.use(await startFaultProxy({ target: server.url }))
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const client = new KMSClient({ endpoint: proxy.url, region: 'eu-west-1', credentials })
  starting.defer(() => client.destroy())
  const { KeyMetadata: { Arn: arn = '' } = {} } = await client.send(new CreateKeyCommand({}))
  const started = starting.move()
  return {
    key: awsKms(arn, { client }),
    proxy,
    reference: `awskms:///${arn}`,
    adapter: aws({ kmsClient: client }),
    denial: { kind: 'status', status: 400, body: JSON.stringify({ __type: 'AccessDeniedException' }) },
    isDataKeyCall: ({ headers }) => /^TrentService\.(GenerateDataKey|Encrypt)$/.test(headers['x-amz-target'] ?? ''),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
