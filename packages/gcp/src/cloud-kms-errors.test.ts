// Each row of the table, through the real client over both transports; then what others than the service answer over REST.
import { createServer, type Server } from 'node:http'
import { KeyfoldError } from '@keyfold/core'
import { cloudKmsClient } from '@keyfold/testing/gcp/cloud-kms-client'
import type { RecordedError, RecordedExchange } from '@keyfold/testing/gcp/recorded-exchange'
import { type ErrorDetail, RpcError, type RpcStatus, statusOf } from '@keyfold/testing/gcp/rpc-error'
import { readRecordings } from '@keyfold/testing/recordings'
import { OAuth2Client } from 'google-auth-library'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { givenClient } from './client-source.ts'
import {
  answering,
  hasty,
  keyName,
  options,
  startSetting,
  transports,
  unwrapWith,
  wrapWith,
} from './cloud-kms.test-support.ts'
import { cloudKmsProvider } from './cloud-kms.ts'
import type { CloudKmsClient } from './cloud-kms-client.ts'

vi.setConfig({ testTimeout: 30_000 }) // servers and clients of one machine, which may be busy

const entry = {
  providerId: 'gcp-kms',
  providerInfo: new TextEncoder().encode(`${keyName}/cryptoKeyVersions/1`),
  ciphertext: new Uint8Array(64),
}
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  )

const rows: readonly [RpcStatus, encrypt: string, decrypt: string, tries: number][] = [
  ['CANCELLED', 'UNAVAILABLE', 'UNAVAILABLE', 5],
  ['UNKNOWN', 'UNKNOWN', 'UNKNOWN', 1],
  ['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'AUTHENTICATION_FAILED', 1],
  ['DEADLINE_EXCEEDED', 'TIMEOUT', 'TIMEOUT', 5],
  ['NOT_FOUND', 'KEY_NOT_FOUND', 'KEY_NOT_FOUND', 1],
  ['ALREADY_EXISTS', 'UNKNOWN', 'UNKNOWN', 1],
  ['PERMISSION_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED', 1],
  ['RESOURCE_EXHAUSTED', 'THROTTLED', 'THROTTLED', 5],
  ['FAILED_PRECONDITION', 'KEY_DISABLED', 'KEY_DISABLED', 1],
  ['ABORTED', 'UNKNOWN', 'UNKNOWN', 1],
  ['UNIMPLEMENTED', 'UNSUPPORTED', 'UNSUPPORTED', 1],
  ['INTERNAL', 'UNAVAILABLE', 'UNAVAILABLE', 5],
  ['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE', 5],
  ['DATA_LOSS', 'UNKNOWN', 'UNKNOWN', 1],
  ['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED', 1],
]

describe.each(transports)('over %s', (transport) => {
  test.each(rows)('%s is %s on encrypt, %s on decrypt, after %i tries', async (status, encrypt, decrypt, tries) => {
    await using setting = await startSetting(transport)
    const { faults } = setting.server
    faults.fail(status)
    expect(await failureOf(wrapWith(setting.provider))).toMatchObject({ code: encrypt, retryable: tries > 1 })
    expect(faults.count('Encrypt')).toBe(tries)
    expect(await failureOf(unwrapWith(setting.provider, entry))).toMatchObject({ code: decrypt, retryable: tries > 1 })
    expect(faults.count('Decrypt')).toBe(tries)
    const described = await failureOf(setting.provider.describe(options()))
    expect(described).toMatchObject({ code: encrypt })
  })

  test('says which permission is missing, which state the version is in, and how long to wait', async () => {
    await using setting = await startSetting(transport)
    const { model, faults } = setting.server
    model.deny(keyName)
    expect(await failureOf(wrapWith(setting.provider))).toMatchObject({
      message: `${keyName}: encrypt failed with PERMISSION_DENIED (cloudkms.cryptoKeyVersions.useToEncrypt)`,
      cause: { grpcCode: 7, permission: 'cloudkms.cryptoKeyVersions.useToEncrypt' },
    })
    model.allow(keyName)
    model.setState(keyName, 1, 'DESTROY_SCHEDULED')
    expect(await failureOf(wrapWith(setting.provider))).toMatchObject({
      message: `${keyName}: encrypt failed with FAILED_PRECONDITION (KEY_DESTROY_SCHEDULED)`,
      cause: { violations: ['KEY_DESTROY_SCHEDULED'] },
    })
    const wait = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: retryDelay(transport) } as const
    faults.fail('RESOURCE_EXHAUSTED', { details: [wait] })
    expect(await failureOf(wrapWith(setting.provider))).toMatchObject({ code: 'THROTTLED', retryAfterMs: 4500 })
  })

  test('a service that nobody reaches is UNAVAILABLE', async () => {
    const setting = await startSetting(transport)
    await setting[Symbol.asyncDispose]()
    const client = cloudKmsClient(setting.server, transport)
    const provider = cloudKmsProvider(keyName, givenClient(client), hasty)
    expect(await failureOf(wrapWith(provider))).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    await client.close()
  })
})

/** Durations are text in JSON; gRPC's details are encoded from an object. */
function retryDelay(transport: string): unknown {
  return transport === 'rest' ? '4.500s' : { seconds: 4, nanos: 500_000_000 }
}

describe('over REST, others may answer', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
  })
  const answering = async (status: number, body: string): Promise<CloudKmsClient> => {
    const started = createServer((_, response) => response.writeHead(status).end(body))
    server = started
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
    const address = started.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return cloudKmsClient({ address: '', restUrl: `http://127.0.0.1:${address.port}` }, 'rest')
  }

  test.each([
    [404, 'UNKNOWN'],
    [407, 'UNKNOWN'],
    [413, 'UNKNOWN'],
    [429, 'THROTTLED'],
    [500, 'UNAVAILABLE'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
  ])("a proxy's page with status %i is %s", async (status, code) => {
    const client = await answering(status, '<html>proxy</html>')
    const provider = cloudKmsProvider(keyName, givenClient(client), hasty)
    expect(await failureOf(unwrapWith(provider, entry))).toMatchObject({ code })
  })

  test.each([
    [400, 'UNAUTHENTICATED'],
    [401, 'UNAUTHENTICATED'],
    [503, 'UNAVAILABLE'],
  ])('a token server that answers %i is %s', async (status, code) => {
    await using setting = await startSetting('rest')
    const authClient = new OAuth2Client()
    authClient.fetch = async () => {
      const refusal = { status, response: { status, data: { error: 'invalid_grant' } } }
      throw Object.assign(new Error('invalid_grant'), refusal)
    }
    const { KeyManagementServiceClient } = await import('@google-cloud/kms')
    const client = new KeyManagementServiceClient({ fallback: true, authClient })
    const provider = cloudKmsProvider(keyName, givenClient(client), hasty)
    expect(await failureOf(unwrapWith(provider, entry))).toMatchObject({ code })
    expect(setting.server.faults.count()).toBe(0)
  })
})

test('no credentials at all are UNAUTHENTICATED, and asked for again at the next call', async () => {
  let started = 0
  const client: CloudKmsClient = {
    async initialize() {
      started++
      throw new Error('Unexpected token in JSON: "-----BEGIN PRIVATE KEY-----"')
    },
    close: async () => undefined,
    innerApiCalls: {},
  }
  const provider = cloudKmsProvider(keyName, givenClient(client), hasty)
  for (const tries of [1, 2]) {
    const failure = await failureOf(wrapWith(provider))
    expect(failure).toMatchObject({ code: 'UNAUTHENTICATED', retryable: false })
    expect(KeyfoldError.is(failure) && failure.cause).toBeUndefined()
    expect(started).toBe(tries)
  }
})

test('a client that its owner closed is said to be closed, and anything else that is no error is UNKNOWN', async () => {
  await using setting = await startSetting('grpc')
  await wrapWith(setting.provider)
  await setting.client.close()
  const message = 'cloudKms: used after it was closed'
  expect(await failureOf(wrapWith(setting.provider))).toMatchObject({ code: 'INVALID_ARGUMENT', message })
  for (const thrown of [undefined, null, 'text', 7]) {
    const encrypt = () => Promise.reject(thrown)
    const provider = cloudKmsProvider(keyName, givenClient(answering({ encrypt })), hasty)
    expect(await failureOf(wrapWith(provider))).toMatchObject({ code: 'UNKNOWN', cause: { status: 'no status' } })
  }
})

const recordings = await readRecordings<RecordedExchange>('gcp/kms.json')
if (recordings.state === 'skipped') {
  test('maps every recorded error', ({ skip }) => skip(recordings.line))
} else {
  const recorded = recordings.entries.flatMap(({ transport, exchanges }) =>
    exchanges.flatMap(({ response, request }) => {
      const { error, status } = response
      if (error) return [{ transport, error, decrypts: /decrypt/i.test(request.operation ?? request.method) }]
      // Some bodies were thrown away by whoever recorded them.
      const lost: RecordedError = { code: status ?? 0, status: 'NOT_FOUND', message: 'not recorded' }
      return response.bodyNotRecorded && status === 404 ? [{ transport, error: lost, decrypts: false }] : []
    }),
  )
  const expected: Readonly<Record<string, string>> = {
    INVALID_ARGUMENT: 'AUTHENTICATION_FAILED', // all of them are of Decrypt
    NOT_FOUND: 'KEY_NOT_FOUND',
    PERMISSION_DENIED: 'ACCESS_DENIED',
  }

  test('there are 17 recorded errors', () => expect(recorded).toHaveLength(17))

  test.each(recorded)(
    'recorded over $transport: $error.status, $error.message',
    async ({ transport, error, decrypts }) => {
      await using setting = await startSetting(transport === 'grpc' ? 'grpc' : 'rest')
      const status = transport === 'grpc' ? statusOf(error.code) : (error.status as RpcStatus) // as the README says
      const details = (error.details ?? []) as readonly ErrorDetail[] // likewise
      setting.server.faults.fault({ kind: 'error', error: new RpcError(status, error.message, details) })
      const { provider } = setting
      const call = decrypts ? unwrapWith(provider, entry) : provider.describe(options())
      expect(await failureOf(call)).toMatchObject({ code: expected[error.status], retryable: false })
      expect(setting.server.faults.count()).toBe(1)
    },
  )
}
