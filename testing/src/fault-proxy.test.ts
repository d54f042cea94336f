import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { constants, createServer as createHttp2Server, connect as http2Connect } from 'node:http2'
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'

const answer = 'a sound answer of the target'

describe('in front of HTTP', () => {
  let target: Server
  let proxy: FaultProxy
  let served: string[]
  beforeEach(async () => {
    served = []
    target = createServer((request, response) => {
      served.push(`${request.method} ${request.url}`)
      response.writeHead(201, { 'x-told': String(request.headers['x-asked']) })
      request.pipe(response)
    })
    proxy = await startFaultProxy({ target: `http://127.0.0.1:${await listen(target)}` })
  })
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]()
    await close(target)
  })

  const post = (path = '/a%2fb/c?d=e', signal?: AbortSignal) =>
    fetch(proxy.url + path, { method: 'POST', body: answer, headers: { 'x-asked': 'yes' }, ...(signal && { signal }) })

  it('hands on method, path as written, headers, body and status, and tells of the request', async () => {
    const response = await post()
    expect([response.status, response.headers.get('x-told'), await response.text()]).toEqual([201, 'yes', answer])
    expect(served).toEqual(['POST /a%2fb/c?d=e'])
    expect(proxy.requests).toHaveLength(1)
    expect(Buffer.from(proxy.requests[0]?.body ?? []).toString()).toBe(answer)
    expect(proxy.requests[0]?.headers['x-asked']).toBe('yes')
  })

  it('answers by itself as often as it was told, in the order told, and where it was told', async () => {
    proxy.fault({ kind: 'status', status: 500, body: 'always' }, { when: ({ path }) => path === '/always' })
    proxy.fault({ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, { times: 1 })
    proxy.fault({ kind: 'status', status: 503 }, { times: 1 })
    const first = await post('/always')
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '7'])
    expect((await post()).status).toBe(503)
    expect((await post()).status).toBe(201)
    expect(await (await post('/always')).text()).toBe('always')
    proxy.recover()
    expect((await post('/always')).status).toBe(201)
    expect([served.length, proxy.requests.length]).toEqual([2, 5])
  })

  it('breaks the connection before the target sees the request', async () => {
    const lift = proxy.fault({ kind: 'reset' })
    await expect(post()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    expect(served).toEqual([])
    lift()
    expect((await post()).status).toBe(201)
  })

  it('never answers, until the client leaves', async () => {
    proxy.fault({ kind: 'black-hole' })
    await expect(post('/', AbortSignal.timeout(50))).rejects.toThrow('timeout')
    expect([served.length, proxy.requests.length]).toEqual([0, 1])
  })

  it('answers late', async () => {
    proxy.fault({ kind: 'latency', ms: 60 })
    const started = performance.now()
    expect((await post()).status).toBe(201)
    expect(performance.now() - started).toBeGreaterThan(50)
  })

  it('breaks off in the middle of an answer that the target gave', async () => {
    proxy.fault({ kind: 'truncated', keptBytes: 5 })
    const response = await post('/x')
    expect([response.status, response.headers.get('content-length')]).toEqual([201, String(answer.length)])
    await expect(response.text()).rejects.toThrow('terminated')
    expect(served).toEqual(['POST /x'])
  })

  it('inverts one bit of an answer', async () => {
    proxy.fault({ kind: 'flipped-bit', at: 2 })
    expect(await (await post()).text()).toBe(answer.replace('s', 'r'))
  })
})

describe('in front of gRPC', () => {
  const target = createHttp2Server((request, response) => {
    if (request.url === '/service/Missing') return response.stream.respond({ 'grpc-status': '5' }, { endStream: true })
    response.writeHead(200, { 'content-type': 'application/grpc' })
    response.addTrailers({ 'grpc-status': '0' })
    request.pipe(response)
  })
  let proxy: FaultProxy
  beforeEach(async () => {
    const port = target.listening ? portOf(target) : await listen(target)
    proxy = await startFaultProxy({ target: `grpc://127.0.0.1:${port}` })
  })
  afterEach(() => proxy[Symbol.asyncDispose]())

  it('hands on path, body and trailers', async () => {
    expect(await call(proxy)).toMatchObject({ status: 200, body: answer, grpcStatus: '0' })
    expect(proxy.requests[0]?.path).toBe('/service/Method')
  })

  it('hands on an answer that is a status and nothing else', async () => {
    expect(await call(proxy, '/service/Missing')).toMatchObject({ status: 200, body: '', grpcStatus: '5' })
  })

  it('answers with a status of gRPC', async () => {
    proxy.fault({ kind: 'status', status: 200, headers: { 'content-type': 'application/grpc', 'grpc-status': '8' } })
    expect(await call(proxy)).toMatchObject({ status: 200, body: '', grpcStatus: '8' })
  })

  it('inverts a bit, and breaks off', async () => {
    proxy.fault({ kind: 'flipped-bit', at: 2 }, { times: 1 })
    expect((await call(proxy)).body).toBe(answer.replace('s', 'r'))
    proxy.fault({ kind: 'truncated', keptBytes: 3 }, { times: 1 })
    await expect(call(proxy)).rejects.toThrow()
    proxy.fault({ kind: 'reset' }, { times: 1 })
    await expect(call(proxy)).rejects.toThrow()
    expect((await call(proxy)).body).toBe(answer)
  })
})

describe('in front of plain TCP', () => {
  let target: TcpServer
  let proxy: FaultProxy
  beforeEach(async () => {
    target = createTcpServer((socket) => socket.pipe(socket).on('error', () => undefined))
    proxy = await startFaultProxy({ target: `tcp://127.0.0.1:${await listen(target)}` })
  })
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]()
    await close(target)
  })

  it('hands on, and breaks a connection that was sound', async () => {
    const socket = connect(proxy.port, '127.0.0.1')
    socket.write(answer)
    expect(String((await once(socket, 'data'))[0])).toBe(answer)
    proxy.fault({ kind: 'reset' })
    socket.write(answer)
    await expect(once(socket, 'data')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect([proxy.connections, proxy.requests.length]).toEqual([1, 2])
  })

  it('inverts a bit, and breaks off', async () => {
    proxy.fault({ kind: 'flipped-bit', at: 2 }, { times: 1 })
    expect(await echo(proxy)).toBe(answer.replace('s', 'r'))
    proxy.fault({ kind: 'truncated', keptBytes: 3 }, { times: 1 })
    expect(await echo(proxy)).toBe(answer.slice(0, 3))
    expect(await echo(proxy)).toBe(answer)
  })

  it('refuses a status, which plain TCP has none of', () => {
    expect(() => proxy.fault({ kind: 'status', status: 500 })).toThrow('plain TCP has no status')
  })
})

async function echo(proxy: FaultProxy): Promise<string> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.write(answer)
  let text = ''
  for await (const piece of socket.setEncoding('utf8')) {
    text += piece
    if (text.length === answer.length) socket.end()
  }
  return text
}

async function call(
  proxy: FaultProxy,
  path = '/service/Method',
): Promise<{ status: unknown; body: string; grpcStatus: unknown }> {
  const session = http2Connect(`http://127.0.0.1:${proxy.port}`)
  try {
    const failed = once(session, 'close').then(() => Promise.reject(new Error('the session ended')))
    const stream = session.request({ ':method': 'POST', ':path': path, te: 'trailers' })
    let trailers: Record<string, unknown> = {}
    stream.on('trailers', (received) => {
      trailers = received
    })
    session.on('error', () => undefined)
    stream.end(answer)
    const [head, flags] = await Promise.race([once(stream, 'response'), failed])
    let body = ''
    const read = async (): Promise<void> => {
      for await (const piece of stream.setEncoding('utf8')) body += piece
    }
    await Promise.race([read(), failed])
    // A client of gRPC takes a status from headers only where they end the answer.
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    const grpcStatus = ended ? head['grpc-status'] : trailers['grpc-status']
    if (grpcStatus === undefined) throw new Error('an answer without a status')
    return { status: head[':status'], body, grpcStatus }
  } finally {
    session.destroy()
  }
}

async function listen(server: TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return portOf(server)
}

function portOf(server: TcpServer): number {
  return (server.address() as AddressInfo).port // listening on TCP
}

async function close(server: TcpServer): Promise<void> {
  server.close()
  if ('closeAllConnections' in server) (server as Server).closeAllConnections()
  await once(server, 'close')
}
