/* A message under the keys of four services needs any one of them to be opened. */
import { anyOf, createEnvelope, type KeyfoldError } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { providerIds, useFourKeys } from './four-keys.test-support.ts'
import { context, failureOf, plaintext, ways } from './messages.test-support.ts'

const four = useFourKeys()
const blackHole = { kind: 'black-hole' } as const

function sealed(): Promise<Uint8Array> {
  return createEnvelope({ keys: anyOf(four.keys()) }).encrypt(plaintext, { context })
}

describe.each(Object.entries(ways))('opened %s, a message under four keys', (_, open) => {
  test.each(providerIds)('opens with the key of %s alone', async (id) => {
    const { key } = four.of(id)
    const opened = await open(createEnvelope({ keys: key }), await sealed())
    expect(opened).toMatchObject({ plaintext, openedBy: { name: key.name, providerId: id } })
  })

  test.each(providerIds)('opens with the first key while %s, which is not the first asked, is silent', async (id) => {
    const message = await sealed()
    const others = four.but(id).map(({ key }) => key)
    four.of(id).proxy.fault(blackHole)
    const opened = await open(createEnvelope({ keys: anyOf([...others, four.of(id).key]) }), message)
    expect(opened).toMatchObject({ plaintext, openedBy: { name: others[0]?.name } })
  })

  test.each(providerIds)('opens within the hedge delay and one call while %s, asked first, is silent', async (id) => {
    const hedgeAfterMs = 300
    const message = await sealed()
    const { key: silent, proxy } = four.of(id)
    const [next, ...others] = four.but(id).map(({ key }) => key)
    if (next === undefined) throw new Error('there are four')
    const oneCallMs = Math.max(...(await timesOf(() => open(createEnvelope({ keys: next }), message))))

    proxy.fault(blackHole)
    const asked = proxy.requests.length
    const envelope = createEnvelope({ keys: anyOf([silent, next, ...others], { hedgeAfterMs }) })
    const times = await timesOf(async () => {
      const opened = await open(envelope, message)
      expect(opened).toMatchObject({ plaintext, openedBy: { name: next.name } })
    })
    expect(proxy.requests.length).toBe(asked + times.length)
    // The fastest: a busy machine may hold one up. Timers may be early by a rounding.
    expect(Math.min(...times)).toBeGreaterThan(hedgeAfterMs - 10)
    expect(Math.min(...times)).toBeLessThan(hedgeAfterMs + 5 * oneCallMs + 200)
  })

  test('lists four attempts with the code of each when all are silent', async () => {
    const message = await sealed()
    for (const { proxy } of four.but()) proxy.fault(blackHole)
    const envelope = createEnvelope({ keys: anyOf([...four.keys()], { hedgeAfterMs: 50 }), callTimeoutMs: 500 })
    const error = await failureOf(open(envelope, message))
    expect(attemptsOf(error)).toEqual(providerIds.map((id) => [id, 'TIMEOUT']))
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true })
  })

  test('lists four attempts with the code of each when each is down in its own way', async () => {
    const message = await sealed()
    const notFound = { 'content-type': 'application/grpc', 'grpc-status': '5' }
    four.of('aws-kms').proxy.fault(four.of('aws-kms').denial)
    four.of('gcp-kms').proxy.fault({ kind: 'status', status: 200, headers: notFound })
    four.of('azure-keyvault').proxy.fault({ kind: 'status', status: 401 })
    four.of('vault-transit').proxy.fault(blackHole)
    const envelope = createEnvelope({ keys: anyOf(four.keys()), callTimeoutMs: 1000 })
    const error = await failureOf(open(envelope, message))
    expect(attemptsOf(error)).toEqual([
      ['aws-kms', 'ACCESS_DENIED'],
      ['gcp-kms', 'KEY_NOT_FOUND'],
      ['azure-keyvault', 'UNAUTHENTICATED'],
      ['vault-transit', 'TIMEOUT'],
    ])
    expect(error.code).toBe('NO_USABLE_KEY')
    for (const [id, code] of attemptsOf(error)) expect(error.message).toMatch(new RegExp(`${id} +${code}`))
  })
})

function attemptsOf({ attempts }: KeyfoldError): readonly (readonly [string, string])[] {
  return attempts.map(({ providerId, code }) => [providerId, code])
}

/** Of three, one after the other, in milliseconds. */
async function timesOf(work: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < 3; round++) {
    const startedAt = performance.now()
    await work()
    times.push(performance.now() - startedAt)
  }
  return times
}
