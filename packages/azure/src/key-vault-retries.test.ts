import type { GetTokenOptions } from '@azure/core-auth'
import { createPipelineRequest, type PipelinePolicy, RestError } from '@azure/core-rest-pipeline'
import { createEnvelope, type KeyProvider } from '@keyfold/core'
import { type Fault, serverError, throttled } from '@keyfold/testing/azure/key-vault'
import { describe, expect, test } from 'vitest'
import { type KeyVaultOptions, keyVault, type RetryOptions } from './index.ts'
import { outOfReach, tryTimedOut } from './key-vault-errors.ts'
import { keyVaultStrategy, tryPolicyFor } from './key-vault-retries.ts'
import {
  credential,
  dataKeyOf,
  failureOf,
  optionsFor,
  plainContext,
  unhurried,
  useKeyVault,
} from './service.test-support.ts'

const fixture = useKeyVault()

async function wrap(retry: RetryOptions = { delayMs: 2 }): Promise<unknown> {
  return wrapWith(fixture.key('orders', { retry }))
}

async function wrapWith(key: KeyProvider, call = unhurried): Promise<unknown> {
  return key.wrapDataKey?.({ dataKey: dataKeyOf(32).dataKey, ...plainContext }, call)
}

/** Without the challenge. */
const requests = (): number => fixture.service().log.requests.filter(({ token }) => token !== undefined).length

describe('a request is repeated', () => {
  test.each([
    ['throttled, without Retry-After', throttled()],
    ['throttled, with Retry-After', throttled(0)],
    ['an error of the server', serverError(500)],
    ['unavailable', serverError(503)],
    ['a reset connection', { kind: 'reset' }],
  ] satisfies [string, Fault][])('after %s', async (_, fault) => {
    fixture.service().log.fault(fault, { times: 2 })
    expect(await wrap()).toMatchObject({ providerId: 'azure-keyvault' })
    expect(requests()).toBe(3)
  })

  test('as often as maxRetries says, and by nobody else', async () => {
    fixture.service().log.fault(throttled())
    for (const maxRetries of [0, 1, 3]) {
      fixture.service().log.requests.length = 0
      expect(await failureOf(wrap({ maxRetries, delayMs: 1 }))).toMatchObject({ code: 'THROTTLED' })
      expect(requests()).toBe(1 + maxRetries)
    }
  })

  test('not where the service asks for a longer wait than maxDelayMs: the error says how long', async () => {
    fixture.service().log.fault(throttled(5))
    const failed = await failureOf(wrap({ maxDelayMs: 4999 }))
    expect(failed).toMatchObject({ code: 'THROTTLED', retryable: true, retryAfterMs: 5000 })
    expect(requests()).toBe(1)
  })

  test('never where it was denied, missing, disabled or refused', async () => {
    const { log } = fixture.service()
    for (const [status, code, inner] of [
      [403, 'Forbidden', 'ForbiddenByRbac'],
      [403, 'Forbidden', 'KeyDisabled'],
      [404, 'KeyNotFound', ''],
      [400, 'BadParameter', ''],
      [409, 'Conflict', 'ObjectIsBeingDeleted'],
    ] as const) {
      log.reset()
      log.fault({ kind: 'refusal', error: { status, code, inner, message: '' } })
      await failureOf(wrap())
      expect(requests()).toBe(1)
    }
  })

  test('until the call is given up, also in the midst of a wait', async () => {
    fixture.service().log.fault(throttled())
    const envelope = createEnvelope({
      keys: fixture.key('orders', { retry: { delayMs: 60_000, maxDelayMs: 60_000 } }),
      callTimeoutMs: 300,
    })
    expect(await failureOf(envelope.encrypt(new Uint8Array(1)))).toMatchObject({ code: 'TIMEOUT' })
    expect(requests()).toBe(1)
  })
})

test('a service that does not answer is left at the deadline', async () => {
  fixture.service().log.fault({ kind: 'hang' })
  const envelope = createEnvelope({ keys: fixture.key('orders'), callTimeoutMs: 300 })
  expect(await failureOf(envelope.encrypt(new Uint8Array(1)))).toMatchObject({ code: 'TIMEOUT' })
})

/** Long enough for a busy machine to answer in, and short enough to wait for. */
const retry = { delayMs: 1, tryTimeoutMs: 500 }

describe('a request that runs out of its time', () => {
  test.each(['hang', 'stalled'] as const)('is repeated after its answer is %s', async (kind) => {
    fixture.service().log.fault({ kind }, { times: 1 })
    expect(await wrap(retry)).toMatchObject({ providerId: 'azure-keyvault' })
    expect(requests()).toBe(2)
  })

  test('is repeated when it was the one that asks to be challenged', async () => {
    const { log } = fixture.service()
    log.fault({ kind: 'hang' }, { times: 1, when: ({ token }) => token === undefined })
    expect(await wrap(retry)).toMatchObject({ providerId: 'azure-keyvault' })
    expect(log.requests.map(({ token }) => token)).toEqual([undefined, undefined, 'test-token'])
  })

  test.each(['hang', 'stalled'] as const)('each time (%s) is TIMEOUT, after maxRetries', async (kind) => {
    const { log } = fixture.service()
    log.fault({ kind }, { when: () => true })
    const failed = await failureOf(wrap({ ...retry, maxRetries: 2 }))
    expect(failed).toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
      message: expect.stringContaining('wrap: no answer came in time (TRY_TIMEOUT)'),
    })
    const { cause } = Object(failed)
    expect(cause).toEqual({ name: 'RestError', code: 'TRY_TIMEOUT' })
    expect(log.requests).toHaveLength(3)
  })

  test("leaves the credential's own requests their time", async () => {
    const seen: (GetTokenOptions | undefined)[] = []
    const getToken = async (_: string | string[], options?: GetTokenOptions) => {
      seen.push(options)
      // Once longer than a request may take, and never again: the client keeps the token.
      await new Promise((resolve) => setTimeout(resolve, 700))
      return credential().getToken('')
    }
    fixture.service().log.fault({ kind: 'hang' }, { times: 1 })
    await wrapWith(fixture.key('orders', { retry, credential: { getToken } }))
    expect(seen.map((options) => options?.requestOptions?.timeout)).toEqual([undefined])
    expect(requests()).toBe(2)
  })

  test('has the time that a policy of clientOptions gave it', async () => {
    const { log } = fixture.service()
    const withLimit = (timeout: number, tryTimeoutMs: number): KeyProvider => {
      const policy: PipelinePolicy = {
        name: 'theirs',
        sendRequest: (request, next) => next(Object.assign(request, { timeout })),
      }
      return fixture.key('orders', {
        retry: { delayMs: 1, tryTimeoutMs },
        clientOptions: { ...clientOptions(), additionalPolicies: [{ policy, position: 'perRetry' }] },
      })
    }
    log.fault({ kind: 'hang' }, { times: 1 })
    await wrapWith(withLimit(500, 60_000))
    expect(requests()).toBe(2)
    log.reset()
    log.fault({ kind: 'latency', ms: 700 }, { times: 1 })
    await wrapWith(withLimit(60_000, 500))
    expect(requests()).toBe(1)
  })
})

test.each([
  [{ maxRetry: 2 }, 'unknown option "maxRetry"; known are maxRetries,'],
  [{ maxRetries: -1 }, 'maxRetries: expected an integer, 0 or more'],
  [{ maxRetries: Number.POSITIVE_INFINITY }, 'maxRetries: expected an integer, 0 or more'],
  [{ maxRetries: '4' }, 'maxRetries: expected an integer, 0 or more'],
  [{ delayMs: Number.NaN }, 'delayMs: expected milliseconds, 0 or more'],
  [{ maxDelayMs: '4000' }, 'maxDelayMs: expected milliseconds, 0 or more'],
  [{ tryTimeoutMs: -1 }, 'tryTimeoutMs: expected milliseconds, 0 or more'],
  [null, 'expected an object of options'],
])('the terms %j are refused when the key is named', (terms, text) => {
  const retry = terms as RetryOptions // as plain JavaScript may give them
  const message = expect.stringContaining(`keyVault: retry: ${text}`)
  const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message })
  expect(() => keyVault('https://shop.vault.azure.net/keys/orders', { retry })).toThrow(refusal)
})

test('a request has 4 s, or as long as it may be said, and none after the try', async () => {
  const terms = [{}, ...[7, 0, Number.POSITIVE_INFINITY].map((tryTimeoutMs) => ({ tryTimeoutMs }))]
  const limits = await Promise.all(
    terms.map(async (retry) => {
      const request = createPipelineRequest({ url: 'https://127.0.0.1' })
      const policy = await tryPolicyFor(retry)
      const given = await failureOf(policy.sendRequest(request, ({ timeout }) => Promise.reject(timeout)))
      return [given, request.timeout]
    }),
  )
  expect(limits).toEqual([4000, 7, 0, 2 ** 31 - 1].map((given) => [given, 0]))
})

test('an abort is a try out of time only where one was timed, and the caller is there', async () => {
  const policy = await tryPolicyFor({ tryTimeoutMs: 7 })
  const aborted = Object.assign(new Error('aborted'), { name: 'AbortError' })
  const failing = async (error: unknown, abortSignal?: AbortSignal, by = policy): Promise<unknown> => {
    const request = createPipelineRequest({ url: 'https://127.0.0.1', ...(abortSignal && { abortSignal }) })
    return failureOf(by.sendRequest(request, () => Promise.reject(error)))
  }
  expect(await failing(aborted)).toMatchObject({ name: 'RestError', code: 'TRY_TIMEOUT', request: undefined })
  expect(await failing(aborted, AbortSignal.abort())).toBe(aborted)
  expect(await failing(aborted, undefined, await tryPolicyFor({ tryTimeoutMs: 0 }))).toBe(aborted)
  const other = new Error('other')
  expect(await failing(other)).toBe(other)
})

test.each([...outOfReach, tryTimedOut])('%s is worth another try, and a certificate is not', (code) => {
  const strategy = keyVaultStrategy(8, 20)
  const after = (responseError: RestError): unknown => strategy.retry({ retryCount: 0, responseError }).retryAfterInMs
  expect(after(new RestError('', { code }))).toBeGreaterThan(0)
  expect(after(new RestError('', { code: 'CERT_HAS_EXPIRED' }))).toBeUndefined()
})

test('waits grow, with jitter, up to the longest', () => {
  const strategy = keyVaultStrategy(8, 20)
  const response: never = { status: 429, headers: { get: () => undefined } } as never // all that is read of it
  for (const [retryCount, [least, most]] of (
    [
      [4, 8],
      [8, 16],
      [10, 20],
      [10, 20],
    ] as const
  ).entries()) {
    const waits = Array.from({ length: 100 }, () => strategy.retry({ retryCount, response }).retryAfterInMs ?? -1)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(least)
    expect(Math.max(...waits)).toBeLessThanOrEqual(most)
    expect(new Set(waits).size).toBeGreaterThan(50)
  }
})

function clientOptions(): NonNullable<KeyVaultOptions['clientOptions']> {
  return { ...optionsFor(fixture.server()).clientOptions }
}
