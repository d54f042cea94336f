import { type EncryptedDataKey, type KeyProvider, SecretBytes } from '@keyfold/core'
import { type CloudKms, startCloudKms } from '@keyfold/testing/gcp/cloud-kms'
import { cloudKmsClient, type GoogleTransport } from '@keyfold/testing/gcp/cloud-kms-client'
import { givenClient } from './client-source.ts'
import { type CloudKmsKey, cloudKmsProvider } from './cloud-kms.ts'
import type { CloudKmsClient } from './cloud-kms-client.ts'
import { type RetryTerms, usualRetry } from './retry.ts'

export const keyName = 'projects/test-project/locations/europe/keyRings/main/cryptoKeys/orders'

export const transports: readonly GoogleTransport[] = ['grpc', 'rest']

/** The usual terms, without the waiting. */
export const hasty: RetryTerms = { ...usualRetry, wait: async () => undefined }

/** A server with one key, its client, and the provider of the key. */
export interface Setting extends AsyncDisposable {
  readonly server: CloudKms
  readonly client: CloudKmsClient
  readonly provider: CloudKmsKey
}

export async function startSetting(transport: GoogleTransport, terms = hasty): Promise<Setting> {
  const server = await startCloudKms()
  server.model.createKey(keyName)
  const client = cloudKmsClient(server, transport)
  return {
    server,
    client,
    provider: cloudKmsProvider(keyName, givenClient(client), terms),
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

export function options(signal: AbortSignal = new AbortController().signal): { readonly signal: AbortSignal } {
  return { signal }
}

/** The context of these tests; what its bytes are does not matter. */
export const bound = {
  context: Object.freeze({ tenant: 't-42' }),
  contextBytes: new Uint8Array([0, 1, 2, 3]),
}

export async function wrapWith(
  provider: KeyProvider,
  signal?: AbortSignal,
  bytes: Uint8Array = crypto.getRandomValues(new Uint8Array(32)),
): Promise<EncryptedDataKey> {
  const entry = await provider.wrapDataKey?.({ dataKey: SecretBytes.from(bytes), ...bound }, options(signal))
  if (entry === undefined) throw new Error('it does not wrap')
  return entry
}

export async function unwrapWith(
  provider: KeyProvider,
  entry: EncryptedDataKey,
  signal?: AbortSignal,
): Promise<SecretBytes> {
  const dataKey = await provider.unwrapDataKey?.({ entry, length: 32, ...bound }, options(signal))
  if (dataKey === undefined) throw new Error('it does not unwrap')
  return dataKey
}

/** What the client makes of an answer to Decrypt. */
export interface DecryptAnswer {
  readonly plaintext: Uint8Array
  readonly plaintextCrc32c: unknown
}

/** The client of a setting, with its answers to Decrypt changed before anybody sees them. */
export function altering({ client }: Setting, alter: (answer: DecryptAnswer) => DecryptAnswer): CloudKmsClient {
  const { decrypt: genuine } = client.innerApiCalls
  if (genuine === undefined) throw new Error('the client is not started')
  const decrypt = async (...args: readonly unknown[]): Promise<readonly [DecryptAnswer]> => {
    const [answer] = (await genuine(...args)) as readonly [DecryptAnswer] // declared as Function
    return [alter(answer)]
  }
  return answering({ decrypt })
}

/** A client that answers by itself, for what no server can show. */
export function answering(calls: CloudKmsClient['innerApiCalls']): CloudKmsClient {
  return { initialize: async () => ({}), close: async () => undefined, innerApiCalls: calls }
}
