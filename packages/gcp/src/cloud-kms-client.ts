import type { KeyManagementServiceClient, protos } from '@google-cloud/kms'
import type { Operation } from './cloud-kms-errors.ts'

/** A client of `@google-cloud/kms`, version 6 or later, made by you; over whichever transport you made it for. */
export type CloudKmsClient = Pick<KeyManagementServiceClient, 'initialize' | 'innerApiCalls' | 'close'>

/** How the client that Keyfold makes talks: gRPC, or JSON over HTTP/1.1 where a proxy lets nothing else through. */
export type CloudKmsTransport = 'grpc' | 'rest'

/** What each call is asked and answers. */
interface Calls {
  readonly encrypt: [protos.google.cloud.kms.v1.IEncryptRequest, protos.google.cloud.kms.v1.IEncryptResponse]
  readonly decrypt: [protos.google.cloud.kms.v1.IDecryptRequest, protos.google.cloud.kms.v1.IDecryptResponse]
  readonly getCryptoKey: [protos.google.cloud.kms.v1.IGetCryptoKeyRequest, protos.google.cloud.kms.v1.ICryptoKey]
}

/** Of one try: a server that went quiet is asked again within core's ten seconds. The client's default is a minute. */
const tryTimeoutMs = 4000

/**
 * One request, without the client's own retries. An abort cancels it.
 *
 * It goes past the client's methods to what they call. Those write the whole request and answer, data key and all, to the
 * log that `GOOGLE_SDK_NODE_LOGGING` switches on.
 */
export async function callOnce<O extends Operation>(
  client: CloudKmsClient,
  operation: O,
  request: Calls[O][0] & { readonly name: string },
  signal: AbortSignal,
): Promise<Calls[O][1]> {
  const headers = { 'x-goog-request-params': `name=${encodeURIComponent(request.name)}` }
  const call = client.innerApiCalls[operation] as Call<Calls[O][1]> | undefined // declared as Function
  if (call === undefined) throw new TypeError(`the client has no ${operation}`)
  const [answer] = await call(request, { signal, timeout: tryTimeoutMs, retry: null, otherArgs: { headers } })
  return answer
}

type Call<Answer> = (request: object, options: object) => Promise<readonly [Answer, ...unknown[]]>

/** @param place where its service is, for tests */
export async function startClient(transport: CloudKmsTransport, place: ClientOptions = {}): Promise<CloudKmsClient> {
  const { KeyManagementServiceClient } = await import('@google-cloud/kms')
  const client = new KeyManagementServiceClient({ ...place, fallback: transport === 'rest' })
  await client.initialize()
  return client
}

type ClientOptions = NonNullable<ConstructorParameters<typeof KeyManagementServiceClient>[0]>
