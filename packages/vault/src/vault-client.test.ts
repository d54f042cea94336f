import { once } from 'node:events'
import { createServer, IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import type { Clock } from '@keyfold/core'
import { type Fault, type FaultProxy, startFaultProxy } from '@keyfold/testing/fault-proxy'
import type { OpenBao } from '@keyfold/testing/openbao'
import { startOpenBao } from '@keyfold/testing/openbao'
import nodeVault from 'node-vault'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { token } from './auth.ts'
import { call, codeOf, contextOf, hurriedClock, server, startTransit } from './openbao.test-support.ts'
import { type TransitKey, type TransitOptions, transit } from './transit.ts'

let bao: OpenBao
let proxy: FaultProxy
beforeAll(async () => {
  if (server.state === 'skipped') return
  bao = await startTransit()
  proxy = await startFaultProxy({ target: bao.url })
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await bao?.[Symbol.asyncDispose]()
})
beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
  proxy.recover()
})
afterEach(() => void vi.unstubAllEnvs())

const bound = contextOf('tenant 42')
function key(options: TransitOptions = {}): TransitKey {
  return transit('derived', { address: proxy.url, auth: token(bao.token), clock: hurriedClock(), ...options })
}
const generate = (of: TransitKey, signal = call.signal) => of.generateDataKey({ length: 32, ...bound }, { signal })
const errors = (...texts: readonly string[]): string => JSON.stringify({ errors: texts })
const answer = (status: number, body = ''): Fault => ({ kind: 'status', status, body })

/** How an unwrap ends while the service fails so, and how many requests it made. */
async function unwrapUnder(fault: Fault, times?: number, options: TransitOptions = {}) {
  const own = key(options)
  const { entry } = await generate(own)
  proxy.fault(fault, times === undefined ? {} : { times })
  const before = proxy.requests.length
  const code = await codeOf(own.unwrapDataKey({ entry, length: 32, ...bound }, call))
  return [code, proxy.requests.length - before]
}

describe('tries again', () => {
  test.each<[string, Fault]>([
    ['too many requests', answer(429)],
    ['a node that is behind', answer(412, errors('required index state not present'))],
    ['a bad gateway', answer(502, '<html>')],
    ['a sealed server', answer(503, errors('Vault is sealed'))],
    ['a gateway that waits in vain', answer(504)],
    ['no active node', answer(500, errors('local node not active but active cluster node not found'))],
    ['a connection that breaks', { kind: 'reset' }],
    ['an answer that breaks off', { kind: 'truncated' }],
    ['an answer that is no JSON', answer(200, '{"data":')],
    ['an answer of nothing', answer(200)],
    ['an answer without a plaintext', answer(200, '{"data":{"plaintext":7}}')],
    ['a plaintext that is no base64', answer(200, '{"data":{"plaintext":"AA"}}')],
  ])('after %s, within its limit', async (_, fault) => {
    expect(await unwrapUnder(fault, 4)).toEqual(['no failure', 5])
    const [code, requests] = await unwrapUnder(fault)
    expect(code).toMatch(/^(THROTTLED|UNAVAILABLE|TRANSPORT_CORRUPTION)$/)
    expect(requests).toBe(5)
  })

  test('after a random part of a delay that doubles, or as late as the service says', async () => {
    const clock = hurriedClock()
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
    await unwrapUnder(answer(503), undefined, { clock })
    expect(clock.waits).toEqual([50, 100, 200, 400])
    random.mockRestore()
    const told = hurriedClock()
    proxy.recover()
    await unwrapUnder({ kind: 'status', status: 429, headers: { 'retry-after': '3' } }, 1, { clock: told })
    expect(told.waits).toEqual([3000])
  })

  test('not where the service wants a minute: the error tells', async () => {
    const minute = new Date(Date.now() + 60_500).toUTCString()
    for (const value of ['60', minute]) {
      proxy.recover()
      const before = proxy.requests.length
      proxy.fault({ kind: 'status', status: 429, headers: { 'retry-after': value } })
      const failure = await generate(key()).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'THROTTLED', retryable: true })
      expect((failure as { retryAfterMs: number }).retryAfterMs / 60_000).toBeCloseTo(1, 1) // matched above
      expect(proxy.requests.length - before).toBe(1)
    }
  })

  test('no longer than its caller waits', async () => {
    const controller = new AbortController()
    proxy.fault(answer(503))
    const clock = { ...hurriedClock(), schedule: () => () => undefined }
    const waiting = codeOf(generate(key({ clock }), controller.signal))
    await expect.poll(() => proxy.requests.length).toBeGreaterThan(0)
    controller.abort()
    expect(await waiting).toBe('ABORTED')
  })
})

describe('does not try again', () => {
  test.each<[string, Fault, string]>([
    ['a 500 of decrypt', answer(500, errors('internal error')), 'UNKNOWN'],
    [
      'a damaged RSA ciphertext',
      answer(
        500,
        errors('1 error occurred:\n\t* failed to RSA decrypt the ciphertext: crypto/rsa: decryption error\n\n'),
      ),
      'AUTHENTICATION_FAILED',
    ],
    ['a failure that it does not know', answer(400, errors('no idea')), 'UNKNOWN'],
    ['a status that it does not know', answer(418), 'UNKNOWN'],
    ['a refused token', answer(403, errors('permission denied')), 'UNAUTHENTICATED'],
    [
      "HashiCorp Vault's refused token",
      answer(403, errors('2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n')),
      'UNAUTHENTICATED',
    ],
    ['a missing token', answer(400, errors('missing client token')), 'UNAUTHENTICATED'],
    ['a policy', answer(403, errors('1 error occurred:\n\t* permission denied\n\n')), 'ACCESS_DENIED'],
    ['a missing engine', answer(404, errors('no handler for route')), 'KEY_NOT_FOUND'],
    ['a key that became derived', answer(400, errors("missing 'context' for key derivation")), 'INVALID_ARGUMENT'],
  ])('after %s', async (_, fault, code) => {
    expect(await unwrapUnder(fault)).toEqual([code, 1])
  })

  test('after a refusal of the server that is up no more', async () => {
    await using gone = await startFaultProxy({ target: bao.url })
    const own = key({ address: gone.url })
    await generate(own)
    await gone[Symbol.asyncDispose]()
    await expect(generate(own)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })
})

test('a server that is sealed is UNAVAILABLE, and unsealed it is asked on', async () => {
  await using own = await startTransit()
  const sealing = key({ address: own.url, auth: token(own.token) })
  await generate(sealing)
  await own.call('PUT', 'sys/seal')
  await expect(generate(sealing)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  await own.call('PUT', 'sys/unseal', { body: { key: own.unsealKey } })
  await expect.poll(() => codeOf(generate(sealing)), { timeout: 10_000 }).toBe('no failure')
})

test('no buffer that a request was written or an answer was read with holds the data key afterwards', async () => {
  const buffers: Buffer[] = []
  const spies = [vi.spyOn(Buffer, 'concat'), vi.spyOn(Buffer, 'from')]
  const received = vi.spyOn(IncomingMessage.prototype, 'push') // what Node's parser hands over
  const own = key({ address: bao.url }) // the proxy, which is in this process, would keep what it hands on
  const { dataKey } = await generate(own)
  await own.wrapDataKey({ dataKey, ...bound }, call)
  for (const { mock } of spies) {
    for (const { type, value } of mock.results) if (type === 'return' && Buffer.isBuffer(value)) buffers.push(value)
  }
  for (const [piece] of received.mock.calls) if (Buffer.isBuffer(piece)) buffers.push(piece)
  expect(received.mock.calls.length).toBeGreaterThan(2)
  vi.restoreAllMocks()
  const base64 = Buffer.from(dataKey.bytes).toString('base64')
  expect(buffers.length).toBeGreaterThan(3)
  expect(buffers.filter((buffer) => buffer.includes(base64)).map(String)).toEqual([])
})

test('an answer that is no HTTP is TRANSPORT_CORRUPTION', async () => {
  const odd = createTcpServer((socket) => void socket.on('error', () => undefined).end('no such thing\r\n\r\n'))
  odd.listen(0, '127.0.0.1')
  await once(odd, 'listening')
  const { port } = odd.address() as AddressInfo // listening on TCP
  expect(await codeOf(generate(key({ address: `http://127.0.0.1:${port}` })))).toBe('TRANSPORT_CORRUPTION')
  odd.close()
})

const impatient = (tryTimeoutMs: number) => ({ tryTimeoutMs, clock: hurriedClock(tryTimeoutMs) })

describe('a try on which nothing comes back', () => {
  /** A server of which some answer, on whatever connection, stops where the test wants. */
  async function startServer(answer: (response: ServerResponse, request: number) => void) {
    let requests = 0
    const connections: Promise<unknown>[] = []
    const server = createServer((_request, response) => answer(response, ++requests))
    server.on('connection', (socket) => connections.push(once(socket, 'close')))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo // listening on TCP
    const own = transit('a', { address: `http://127.0.0.1:${port}`, auth: token('t'), ...impatient(100) })
    return {
      describe: () => codeOf(own.describe(call)),
      connections,
      requests: () => requests,
      async [Symbol.asyncDispose]() {
        await own.close()
        server.closeAllConnections()
        server.close()
      },
    }
  }
  const missing = (response: ServerResponse) => void response.writeHead(404).end()

  test('ends at its limit, and the next one is made on another connection', async () => {
    await using silent = await startServer((response, request) => (request === 1 ? undefined : missing(response)))
    expect(await silent.describe()).toBe('KEY_NOT_FOUND')
    expect(silent.requests()).toBe(2)
    expect(silent.connections.length).toBe(2)
    await silent.connections[0] // closed by us
  })

  test('takes the idle connections along, which are as dead', async () => {
    let alive = true
    await using dead = await startServer((response, request) => {
      if (alive && request <= 3)
        setTimeout(() => missing(response), 50) // so that each has a connection of its own
      else if (dead.connections.length > 3) missing(response)
    })
    await Promise.all([dead.describe(), dead.describe(), dead.describe()])
    expect(dead.connections.length).toBe(3)
    alive = false
    expect(await dead.describe()).toBe('KEY_NOT_FOUND')
    expect([dead.requests(), dead.connections.length]).toEqual([5, 4])
    await Promise.all(dead.connections.slice(0, 3)) // closed by us
  })

  test('ends so in the middle of an answer too', async () => {
    await using stuck = await startServer((response, request) => {
      if (request > 1) missing(response)
      else response.writeHead(200, { 'content-length': 100 }).write('{')
    })
    expect(await stuck.describe()).toBe('KEY_NOT_FOUND')
    expect(stuck.requests()).toBe(2)
  })

  test('is TIMEOUT after the last one, and says whose it was', async () => {
    const own = key(impatient(50))
    proxy.fault({ kind: 'black-hole' })
    const before = proxy.requests.length
    const failure = await generate(own).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'TIMEOUT', retryable: true })
    expect(String(failure)).toContain('no answer within 50 ms')
    expect(proxy.requests.length - before).toBe(5)
  })

  test('has a limit of four seconds, which an answer takes back', async () => {
    const scheduled: number[] = []
    let pending = 0
    const clock: Clock = {
      ...hurriedClock(),
      schedule(delayMs) {
        scheduled.push(delayMs)
        pending += 1
        return () => {
          pending -= 1
        }
      },
    }
    expect(await codeOf(generate(key({ clock })))).toBe('no failure')
    expect([scheduled, pending]).toEqual([[4000, 4000], 0]) // the key is looked at first
  })
})

test('an answer that does not come is not waited for when the caller has left, whose idle connections stay', async () => {
  const own = key()
  await Promise.all([generate(own), generate(own)])
  proxy.fault({ kind: 'black-hole' }, { times: 1 })
  const controller = new AbortController()
  const waiting = codeOf(generate(own, controller.signal))
  const before = proxy.requests.length
  await expect.poll(() => proxy.requests.length).toBeGreaterThan(before)
  const startedAt = performance.now()
  controller.abort()
  expect(await waiting).toBe('ABORTED')
  expect(performance.now() - startedAt).toBeLessThan(1000)
  const { connections } = proxy
  await generate(own)
  expect(proxy.connections).toBe(connections)
})

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a try of %d ms is INVALID_ARGUMENT', async (tryTimeoutMs) => {
  expect(await codeOf(() => key({ tryTimeoutMs }))).toBe('INVALID_ARGUMENT')
})

test('a try of more milliseconds than a timer can wait is not over at once', async () => {
  proxy.fault({ kind: 'latency', ms: 50 })
  expect(await codeOf(generate(key({ tryTimeoutMs: Number.MAX_SAFE_INTEGER, clock: undefined })))).toBe('no failure')
})

test('a client of your own takes the time that it takes, once', async () => {
  let requests = 0
  const request = () => {
    requests += 1
    return new Promise<never>((_, reject) => setTimeout(reject, 200, { response: { statusCode: 404, body: {} } }))
  }
  const schedule: Clock['schedule'] = (_, callback) => {
    const timer = setTimeout(callback, 20)
    return () => clearTimeout(timer)
  }
  const own = transit('a', { client: { request }, clock: { ...hurriedClock(), schedule } })
  expect([await codeOf(own.describe(call)), requests]).toEqual(['KEY_NOT_FOUND', 1])
  expect(await codeOf(() => transit('a', { client: { request }, tryTimeoutMs: 5 }))).toBe('INVALID_ARGUMENT')
})

test('who waits for the key to be looked at does not give up with another', async () => {
  const own = key()
  proxy.fault({ kind: 'black-hole' }, { times: 1 })
  const controller = new AbortController()
  const first = codeOf(generate(own, controller.signal))
  const before = proxy.requests.length
  await expect.poll(() => proxy.requests.length).toBeGreaterThan(before)
  const second = codeOf(generate(own))
  controller.abort()
  expect([await first, await second]).toEqual(['ABORTED', 'no failure'])
})

test.each([301, 302, 303, 307, 308])(
  'follows no redirect (%i), to another host or its own, and sends no token there',
  async (status) => {
    let visits = 0
    const other = createServer((_, response) => {
      visits += 1
      response.end()
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo // listening on TCP
    for (const location of [`http://127.0.0.1:${port}/v1/transit/keys/derived`, '/v1/sys/seal']) {
      proxy.recover()
      const before = proxy.requests.length
      proxy.fault({ kind: 'status', status, headers: { location } })
      await expect(generate(key())).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: false })
      expect(proxy.requests.length - before).toBe(1)
    }
    expect(visits).toBe(0)
    other.close()
  },
)

test('a path that holds sys/health is no success when it is forbidden', async () => {
  proxy.fault(answer(403, errors('1 error occurred:\n\t* permission denied\n\n')))
  expect(await codeOf(key({ mount: 'sys/health' }).describe(call))).toBe('ACCESS_DENIED')
})

test('token and namespace are those of the options, whatever node-vault takes from the environment', async () => {
  vi.stubEnv('VAULT_TOKEN', 'of-the-environment')
  vi.stubEnv('VAULT_PREFIX', '/elsewhere')
  await bao.call('POST', 'sys/namespaces/given', { body: {} }).catch(() => undefined)
  const before = proxy.requests.length
  await codeOf(key({ namespace: 'given' }).describe(call))
  vi.stubEnv('VAULT_NAMESPACE', 'of-the-environment')
  await codeOf(key({ namespace: 'given' }).describe(call))
  await codeOf(key({ namespace: '' }).describe(call))
  const sent = proxy.requests
    .slice(before)
    .map(({ path, headers }) => [path, headers['x-vault-token'], headers['x-vault-namespace']])
  expect(sent).toEqual([
    ['/v1/transit/keys/derived', bao.token, 'given'],
    ['/v1/transit/keys/derived', bao.token, 'given'],
    ['/v1/transit/keys/derived', bao.token, undefined],
    ['/v1/auth/token/lookup-self', bao.token, undefined],
  ])
  expect(key().name).toBe('of-the-environment/transit/derived')
})

describe('the address', () => {
  test('is taken from VAULT_ADDR, and may have a path', async () => {
    vi.stubEnv('VAULT_ADDR', `${proxy.url}/`)
    expect(await codeOf(generate(key({ address: undefined })))).toBe('no failure')
    const before = proxy.requests.length
    await codeOf(key({ address: `${proxy.url}/behind/` }).describe(call))
    expect(proxy.requests[before]?.path).toBe('/behind/v1/transit/keys/derived')
  })

  test.each([
    undefined,
    '',
    'vault.example:8200',
    'ftp://vault',
    'https://user:canary@vault',
    'https://v?a=canary',
    'https://v#canary',
  ])('%j is refused, and not shown', (address) => {
    vi.stubEnv('VAULT_ADDR', '')
    const refusal = expect(() => key({ address }))
    refusal.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.not.stringContaining('canary') }),
    )
  })
})

describe('over TLS', () => {
  let secure: OpenBao
  beforeAll(async () => {
    if (server.state === 'skipped') return
    secure = await startOpenBao({ executable: server.executable, tls: true })
    await secure.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
    await secure.call('POST', 'transit/keys/derived', { body: { derived: true } })
  })
  afterAll(() => secure?.[Symbol.asyncDispose]())

  test('the authority is the one given, or of VAULT_CACERT', async () => {
    expect(await codeOf(generate(key({ address: secure.url, ca: secure.ca?.pem })))).toBe('no failure')
    vi.stubEnv('VAULT_CACERT', secure.ca?.path)
    expect(await codeOf(generate(key({ address: secure.url })))).toBe('no failure')
    vi.stubEnv('VAULT_CACERT', '/nowhere/ca.pem')
    expect(await codeOf(generate(key({ address: secure.url })))).toBe('INVALID_ARGUMENT')
  })

  test.each([undefined, 'false', '0', 'true', '1'])(
    'a server of another authority is refused, VAULT_SKIP_VERIFY being %j',
    async (value) => {
      vi.stubEnv('VAULT_SKIP_VERIFY', value)
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value === '1' ? '0' : undefined)
      const clock = hurriedClock()
      const failure = generate(key({ address: secure.url, clock }))
      await expect(failure).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: false })
      await expect(failure).rejects.toThrow('certificate')
      expect(clock.waits).toEqual([])
    },
  )
})

describe('a client of your own', () => {
  const own = (more: object = {}) => nodeVault({ endpoint: proxy.url, token: bao.token, ...more })

  test('is used with its token, or with that of auth', async () => {
    const options = { address: undefined, auth: undefined }
    expect(await codeOf(generate(key({ ...options, client: own() })))).toBe('no failure')
    expect(await codeOf(generate(key({ ...options, client: own({ token: 'none' }) })))).toBe('UNAUTHENTICATED')
    const client = own({ token: 'none' })
    expect(await codeOf(generate(key({ ...options, client, auth: token(bao.token) })))).toBe('no failure')
    expect(client.token).toBe('none')
  })

  test('has its failures told apart, and its calls end with the signal', async () => {
    const [code, requests] = await unwrapUnder(answer(503), undefined, { address: undefined, client: own() })
    expect([code, requests]).toEqual(['UNAVAILABLE', 5])
    proxy.recover()
    const known = key({ address: undefined, client: own() })
    await generate(known)
    proxy.fault({ kind: 'black-hole' })
    const controller = new AbortController()
    const before = proxy.requests.length
    const waiting = codeOf(generate(known, controller.signal))
    await expect.poll(() => proxy.requests.length).toBeGreaterThan(before)
    controller.abort()
    expect(await waiting).toBe('ABORTED')
  })

  test('names its namespace, and none beside it', () => {
    const client = own({ namespace: 'team' })
    expect(key({ address: undefined, client }).name).toBe('team/transit/derived')
    const refused = { code: 'INVALID_ARGUMENT' }
    expect(() => key({ address: undefined, client, namespace: 'other' })).toThrow(expect.objectContaining(refused))
    expect(() => key({ client })).toThrow(expect.objectContaining(refused))
    expect(() => key({ address: undefined, client: {} as never })).toThrow(expect.objectContaining(refused)) // plain JavaScript
  })
})
