import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { ErrorCode } from '@keyfold/core'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { kmsError } from './kms-errors.ts'
import {
  base64,
  bound,
  entryOf,
  type KmsStub,
  keyArn,
  kmsClient,
  startKmsStub,
  unhurried,
} from './kms-stub.test-support.ts'

const arn = keyArn('k-1')
const decrypted = { KeyId: arn, Plaintext: base64(new Uint8Array(32)) }

/** Each row of the table that the service can answer; the others come from the client and the network, below. */
const rows: Readonly<Record<string, ErrorCode>> = {
  AccessDeniedException: 'ACCESS_DENIED',
  NotAuthorized: 'ACCESS_DENIED',
  OptInRequired: 'ACCESS_DENIED',
  ExpiredToken: 'UNAUTHENTICATED',
  ExpiredTokenException: 'UNAUTHENTICATED',
  IncompleteSignature: 'UNAUTHENTICATED',
  IncompleteSignatureException: 'UNAUTHENTICATED',
  InvalidClientTokenId: 'UNAUTHENTICATED',
  InvalidSignatureException: 'UNAUTHENTICATED',
  MissingAuthenticationToken: 'UNAUTHENTICATED',
  MissingAuthenticationTokenException: 'UNAUTHENTICATED',
  RequestExpired: 'UNAUTHENTICATED',
  SignatureDoesNotMatch: 'UNAUTHENTICATED',
  UnrecognizedClientException: 'UNAUTHENTICATED',
  NotFoundException: 'KEY_NOT_FOUND',
  DisabledException: 'KEY_DISABLED',
  KMSInvalidStateException: 'KEY_DISABLED',
  InvalidCiphertextException: 'AUTHENTICATION_FAILED',
  IncorrectKeyException: 'AUTHENTICATION_FAILED',
  InvalidAliasNameException: 'INVALID_ARGUMENT',
  InvalidArnException: 'INVALID_ARGUMENT',
  InvalidGrantTokenException: 'INVALID_ARGUMENT',
  InvalidKeyUsageException: 'INVALID_ARGUMENT',
  ValidationException: 'INVALID_ARGUMENT',
  UnsupportedOperationException: 'UNSUPPORTED',
  LimitExceededException: 'LIMIT_EXCEEDED',
  BandwidthLimitExceeded: 'THROTTLED',
  RequestLimitExceeded: 'THROTTLED',
  RequestThrottledException: 'THROTTLED',
  SlowDown: 'THROTTLED',
  Throttling: 'THROTTLED',
  ThrottlingException: 'THROTTLED',
  TooManyRequestsException: 'THROTTLED',
  DependencyTimeoutException: 'UNAVAILABLE',
  InternalFailure: 'UNAVAILABLE',
  InternalServerError: 'UNAVAILABLE',
  KeyUnavailableException: 'UNAVAILABLE',
  KMSInternalException: 'UNAVAILABLE',
  ServiceUnavailable: 'UNAVAILABLE',
  ServiceUnavailableException: 'UNAVAILABLE',
}
const retried: readonly ErrorCode[] = ['THROTTLED', 'UNAVAILABLE']

let stub: KmsStub
beforeEach(async () => {
  stub = await startKmsStub()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await stub[Symbol.asyncDispose]()
})

const open = (key = awsKms(arn, { client: stub.client() })) =>
  key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, unhurried())

describe('an answer of the service', () => {
  it.each(Object.entries(rows))('%s is %s', async (__type, code) => {
    stub.answer({ __type, message: 'x' }, { status: 400 })
    await expect(open()).rejects.toMatchObject({ code, retryable: retried.includes(code) })
  })

  it('of a name that is in no table is UNKNOWN, and not to be tried again', async () => {
    for (const __type of ['SurprisingException', 'constructor', 'toString', '__proto__']) {
      stub.answer({ __type }, { status: 400 })
      await expect(open()).rejects.toMatchObject({ code: 'UNKNOWN', retryable: false })
    }
  })

  it.each([
    ['a proxy’s page', 502, '<html>Bad Gateway</html>', 'UNAVAILABLE'],
    ['nothing but a status', 503, '', 'UNAVAILABLE'],
    ['nothing but too many requests', 429, '', 'THROTTLED'],
    ['a success that is cut', 200, '{"KeyId":"arn:aws', 'TRANSPORT_CORRUPTION'],
    ['a redirect', 302, '', 'UNKNOWN'],
  ])('%s has the code of its status', async (_, status, body, code) => {
    stub.answer(body, { status })
    await expect(open()).rejects.toMatchObject({ code })
  })

  it('says its name and request, and for a denial what was denied to whom', async () => {
    const message = 'User: u is not authorized to perform: kms:Decrypt'
    stub.answer({ __type: 'AccessDeniedException', message }, { status: 400 })
    const error: unknown = await open()?.catch((e: unknown) => e)
    expect(error).toMatchObject({ message: `${arn}: Decrypt failed with AccessDeniedException, request a-request` })
    expect(error).toMatchObject({ cause: { name: 'AccessDeniedException', message } })
  })

  it('that a key is the wrong one says what to do about a moved alias', async () => {
    stub.answer({ __type: 'IncorrectKeyException' }, { status: 400 })
    await expect(open(awsKms('alias/orders', { client: stub.client() }))).rejects.toThrow('formerKeys')
  })
})

describe('the network', () => {
  it('that refuses is UNAVAILABLE', async () => {
    await using gone = await startFaultProxy({ target: 'http://127.0.0.1:9' })
    const client = kmsClient(gone.url)
    await gone[Symbol.asyncDispose]()
    await expect(open(awsKms(arn, { client }))).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })

  it('that resets is UNAVAILABLE', async () => {
    await using proxy = await startFaultProxy({ target: 'http://127.0.0.1:9' })
    proxy.fault({ kind: 'reset' })
    await expect(open(awsKms(arn, { client: kmsClient(proxy.url) }))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('that says nothing is UNAVAILABLE after the client’s own patience', async () => {
    await using proxy = await startFaultProxy({ target: 'http://127.0.0.1:9' })
    proxy.fault({ kind: 'black-hole' })
    const client = kmsClient(proxy.url, { requestHandler: { requestTimeout: 50, throwOnRequestTimeout: true } })
    await expect(open(awsKms(arn, { client }))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it.each(['EAI_AGAIN', 'ECONNABORTED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'])(
    'that fails with %s is UNAVAILABLE',
    (code) => {
      const error = Object.assign(new Error('connect failed'), { code })
      expect(kmsError('Decrypt', error)).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    },
  )
})

describe('credentials', () => {
  it('that are not to be had are UNAUTHENTICATED', async () => {
    const credentials = async (): Promise<never> => {
      throw Object.assign(new Error('no profile: canary'), { name: 'CredentialsProviderError' })
    }
    const refused = open(awsKms(arn, { client: stub.client({ credentials }) }))
    const error: unknown = await refused?.catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('canary')
    expect(kmsError('Decrypt', Object.assign(new Error(), { name: 'TokenProviderError' })).code).toBe('UNAUTHENTICATED')
    expect(stub.calls).toEqual([])
  })
})

describe('the client that is made on first use', () => {
  beforeEach(() => {
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', stub.url)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  })

  it.each([
    ['ThrottlingException', 400],
    ['SurprisingException', 429],
    ['KMSInternalException', 500],
    ['KeyUnavailableException', 500],
    ['DependencyTimeoutException', 503],
  ])('tries again after %s', { timeout: 20_000 }, async (__type, status) => {
    stub.answer({ __type }, { status, times: 2 })
    stub.answer(decrypted)
    const key = awsKms(arn)
    await open(key)
    expect(stub.calls).toHaveLength(3)
    await key.close()
  })

  it('tries no more than five times', { timeout: 20_000 }, async () => {
    stub.answer({ __type: 'KMSInternalException' }, { status: 500 })
    await expect(open(awsKms(arn))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(stub.calls).toHaveLength(5)
  })

  it.each([
    'AccessDeniedException',
    'NotFoundException',
    'DisabledException',
    'InvalidCiphertextException',
    'SurprisingException',
  ])('does not try again after %s', async (__type) => {
    stub.answer({ __type }, { status: 400 })
    await expect(open(awsKms(arn))).rejects.toThrow(__type)
    expect(stub.calls).toHaveLength(1)
  })

  it('leaves nobody waiting who gave up between two tries', async () => {
    stub.answer({ __type: 'ThrottlingException' }, { status: 400 })
    const controller = new AbortController()
    const opening = awsKms(arn).unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, controller)
    const refused = expect(opening).rejects.toMatchObject({ code: 'ABORTED' })
    await vi.waitUntil(() => stub.calls.length > 0, { interval: 1 })
    controller.abort()
    await refused
    const made = stub.calls.length
    await sleep(600) // longer than the first delay, which is random
    expect(stub.calls).toHaveLength(made)
  })

  it('goes to the ARN’s Region, whatever the environment says', async () => {
    vi.stubEnv('AWS_REGION', 'us-east-1')
    stub.answer(decrypted)
    await open(awsKms(arn))
    expect(stub.calls[0]?.headers['authorization']).toContain('/eu-west-1/kms/')
  })

  it('goes to the environment’s Region where the configuration says none, and takes no other Region’s entries', async () => {
    vi.stubEnv('AWS_REGION', 'us-east-1')
    const abroad = keyArn('k-1', 'us-east-1')
    stub.answer({ ...decrypted, KeyId: abroad })
    const key = awsKms('alias/orders')
    await key.unwrapDataKey?.({ entry: entryOf(abroad), length: 32, ...bound() }, unhurried())
    expect(stub.calls[0]?.headers['authorization']).toContain('/us-east-1/kms/')
    await expect(open(key)).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
    expect(stub.calls).toHaveLength(1)
  })

  it('is INVALID_ARGUMENT without any Region', async () => {
    for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nonexistent')
    await expect(open(awsKms('alias/orders'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(stub.calls).toEqual([])
  })
})
