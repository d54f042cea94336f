import { keyProviderCases } from '@keyfold/core/conformance'
import { type FaultProxy, startFaultProxy } from '@keyfold/testing/fault-proxy'
import type { OpenBao } from '@keyfold/testing/openbao'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { token } from './auth.ts'
import { hurriedClock, KINDS, server, startTransit, tokenFor } from './openbao.test-support.ts'
import { type TransitKey, type TransitOptions, transit } from './transit.ts'

let bao: OpenBao
let throttling: FaultProxy
let powerless: string

beforeAll(async () => {
  if (server.state === 'skipped') return
  bao = await startTransit()
  powerless = await tokenFor(bao, 'path "none" { capabilities = ["read"] }')
  throttling = await startFaultProxy({ target: bao.url })
  throttling.fault({ kind: 'status', status: 429, body: '{"errors":["request path … rate limit quota exceeded"]}' })
  for (const [kind, body] of Object.entries(KINDS)) {
    await bao.call('POST', `transit/keys/${kind}-off`, { body })
    await bao.call('DELETE', `transit/keys/${kind}-off/soft-delete`)
  }
})
afterAll(async () => {
  await throttling?.[Symbol.asyncDispose]()
  await bao?.[Symbol.asyncDispose]()
})
beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
})

describe.each([
  ['derived', undefined],
  ['derived', 'derived'],
  ['aad', undefined],
  ['aad', 'none'],
  ['chacha', 'aad'],
  ['rsa', 'none'],
] as const)('a key of kind %s, binding %s', (kind, binding) => {
  const key =
    (name: string, more: TransitOptions = {}) =>
    (): TransitKey =>
      transit(name, { address: bao.url, auth: token(bao.token), clock: hurriedClock(), binding, ...more })
  // What binds nothing may be an RSA key, under whose public half anybody writes.
  const binds = binding !== 'none'
  const cases = keyProviderCases({
    expects: { bindsContext: binds, authenticatesWriter: binds },
    provider: () => key(kind)(),
    other: () => key(`${kind}-other`)(),
    failures: {
      denied: () => key(kind, { auth: token(powerless) })(),
      unauthenticated: () => key(kind, { auth: token('nobody') })(),
      missing: () => key('missing')(),
      disabled: () => key(`${kind}-off`)(),
      throttled: () => key(kind, { address: throttling.url })(),
      unavailable: () => key(kind, { address: 'http://127.0.0.1:9' })(),
    },
  })
  for (const { name, skip, run } of cases) {
    test(name, async (context) => {
      if (skip !== undefined) context.skip(skip)
      await run()
    })
  }
})
