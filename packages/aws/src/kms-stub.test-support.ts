/*
 * AWS's own client against an endpoint that answers what a test says: recorded bytes, and answers that no server gives.
 */
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import type { CallOptions, EncryptedDataKey, EncryptionContext, KeyContext, SecretBytes } from '@keyfold/core'
import { type FaultTerms, startFaultProxy } from '@keyfold/testing/fault-proxy'

/** A call that reached the endpoint. */
export interface StubCall {
  /** Such as `Decrypt`. */
  readonly operation: string
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>
}

export interface KmsStub extends AsyncDisposable {
  readonly url: string
  readonly calls: readonly StubCall[]
  client(config?: KMSClientConfig): KMSClient
  /** Bytes in base64, as the service writes them. Without `operation`, every call is answered so. */
  answer(
    body: object | string,
    terms?: { readonly status?: number; readonly operation?: string; readonly times?: number },
  ): void
}

/** The account and the Region of every key that the tests make up. */
export const account = '111122223333'
export const region = 'eu-west-1'

export function keyArn(id: string, inRegion = region, ofAccount = account): string {
  return `arn:aws:kms:${inRegion}:${ofAccount}:key/${id}`
}

export async function startKmsStub(): Promise<KmsStub> {
  const proxy = await startFaultProxy({ target: 'http://127.0.0.1:9' })
  return {
    url: proxy.url,
    get calls() {
      return proxy.requests.map(({ headers, body }) => ({
        operation: operationIn(headers),
        body: JSON.parse(Buffer.from(body).toString('utf8')),
        headers,
      }))
    },
    client: (config) => kmsClient(proxy.url, config),
    answer(body, { status = 200, operation, times } = {}) {
      const terms: FaultTerms = {
        ...(times === undefined ? {} : { times }),
        ...(operation === undefined ? {} : { when: ({ headers }) => operationIn(headers) === operation }),
      }
      const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'a-request' }
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      proxy.fault({ kind: 'status', status, headers, body: text }, terms)
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}

function operationIn(headers: Readonly<Record<string, string>>): string {
  return (headers['x-amz-target'] ?? '').replace('TrentService.', '')
}

/** One try a call: what is tried again has tests of its own. */
export function kmsClient(endpoint: string, config: KMSClientConfig = {}): KMSClient {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  return new KMSClient({ endpoint, region, credentials, maxAttempts: 1, ...config })
}

export function unhurried(): CallOptions {
  return { signal: new AbortController().signal }
}

/** A context as core hands it over; its serialization is of no account to this provider. */
export function bound(pairs: EncryptionContext = {}): KeyContext {
  return { context: Object.freeze(Object.assign(Object.create(null), pairs)), contextBytes: new Uint8Array(0) }
}

export function entryOf(providerInfo: string, ciphertext: Uint8Array = Uint8Array.of(1, 2, 3)): EncryptedDataKey {
  return { providerId: 'aws-kms', providerInfo: new TextEncoder().encode(providerInfo), ciphertext }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** A copy; the key is released. */
export function taken(dataKey: SecretBytes | undefined): Uint8Array {
  if (dataKey === undefined) throw new Error('no data key')
  const bytes = Uint8Array.from(dataKey.bytes)
  dataKey[Symbol.dispose]()
  return bytes
}
