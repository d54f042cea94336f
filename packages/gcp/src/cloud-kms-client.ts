import type { KeyManagementServiceClient, protos } from '@google-cloud/kms'
import type { Operation } from './cloud-kms-errors.ts'

/** A client of `@google-cloud/kms`, version 6 or later, made by you; over whichever transport you made it for. */
export type CloudKmsClient = Pick<KeyManagementServiceClient, 'initialize' | 'innerApiCalls' | 'close'>

/** How the client that Keyfold makes talks: gRPC, or JSON over HTTP/1.1 where a proxy lets nothing else through. */
export type CloudKmsTransport = 'grpc' | 'rest'

/** Where a provider has its client from. */
export interface ClientSource {
  /** The client, loaded and made at the first use. Rejects where no credentials are to be had. */
  get(): Promise<CloudKmsClient>
  /** Lets go of it. A client of the caller's own stays open. */
  close(): Promise<void>
}

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

export function givenClient(client: CloudKmsClient): ClientSource {
  return {
    async get() {
      await client.initialize()
      return client
    },
    close: async () => undefined,
  }
}

/**
 * One client for all providers of a transport: it costs half a second to load and to make, and holds one connection. The last
 * provider that used it closes it.
 */
export function sharedClient(transport: CloudKmsTransport): ClientSource {
  let mine: Shared | undefined
  return {
    async get() {
      if (mine === undefined || mine.failed) {
        mine = join(transport)
        mine.users++
      }
      return mine.client
    },
    async close() {
      const left = mine
      mine = undefined
      if (left === undefined || --left.users > 0) return
      if (shared.get(transport) === left) shared.delete(transport)
      const client = await left.client.catch(() => undefined)
      await client?.close()
    },
  }
}

interface Shared {
  readonly client: Promise<CloudKmsClient>
  users: number
  /** The client remembers a failure to start forever: the next use makes another. */
  failed: boolean
}

const shared = new Map<CloudKmsTransport, Shared>()

function join(transport: CloudKmsTransport): Shared {
  const known = shared.get(transport)
  if (known !== undefined) return known
  const fresh: Shared = { client: load(transport), users: 0, failed: false }
  shared.set(transport, fresh)
  fresh.client.catch(() => {
    fresh.failed = true
    if (shared.get(transport) === fresh) shared.delete(transport)
  })
  return fresh
}

async function load(transport: CloudKmsTransport): Promise<CloudKmsClient> {
  const { KeyManagementServiceClient } = await import('@google-cloud/kms')
  const client = new KeyManagementServiceClient({ fallback: transport === 'rest' })
  await client.initialize()
  return client
}
