import { createEnvelope } from '@keyfold/core'
import { type Fault, serverError, throttled } from '@keyfold/testing/azure/key-vault'
import { describe, expect, test } from 'vitest'
import type { RetryTerms } from './index.ts'
import { keyVaultStrategy } from './key-vault-retries.ts'
import { dataKeyOf, failureOf, plainContext, unhurried, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()

async function wrap(retry: RetryTerms = { delayMs: 2 }): Promise<unknown> {
  const key = fixture.key('orders', { retry })
  return key.wrapDataKey?.({ dataKey: dataKeyOf(32).dataKey, ...plainContext }, unhurried)
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
