import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { fromProto3JSON, toProto3JSON } from 'proto3-json-serializer'
import type protobuf from 'protobufjs'
import type { Answer } from './answer.ts'
import { compileRoute, type Route } from './rest-route.ts'
import { asRpcError, httpStatusOf, RpcError, statusOf } from './rpc-error.ts'
import { plainObject, type SchemaMethod } from './service-schema.ts'

export interface RunningRestServer extends AsyncDisposable {
  readonly url: string
}

/** The same methods as HTTP/1.1 and proto3 JSON, as the client's `fallback` transport speaks them, on a free port. */
export async function startRestServer(methods: readonly SchemaMethod[], answer: Answer): Promise<RunningRestServer> {
  const routes = methods.flatMap((method) => compileRoute(method) ?? [])
  const server = createServer((request, response) => {
    const abandoned = new AbortController()
    response.on('close', () => {
      if (!response.writableFinished) abandoned.abort()
    })
    serve(routes, answer, request, abandoned.signal).then(
      ({ method, body, numericEnums }) => send(response, 200, toJson(method.response, body, numericEnums)),
      (error: unknown) => sendError(response, asRpcError(error)),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the REST server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Served {
  readonly method: SchemaMethod
  readonly body: Record<string, unknown>
  readonly numericEnums: boolean
}

async function serve(
  routes: readonly Route[],
  answer: Answer,
  request: IncomingMessage,
  abandoned: AbortSignal,
): Promise<Served> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1')
  const sent = await readJson(request)
  for (const route of routes) {
    const json = route.match(request.method ?? '', pathname, searchParams, sent)
    if (json === undefined) continue
    const { method } = route
    const fields = method.request.toObject(parse(method.request, json), plainObject)
    const { authorization } = request.headers
    const numericEnums = (searchParams.get('$alt') ?? '').includes('enum-encoding=int')
    const body = await answer({ method, transport: 'rest', request: fields, authorization, abandoned })
    return { method, body, numericEnums }
  }
  throw new RpcError('NOT_FOUND', `Method not found: ${request.method} ${pathname}`)
}

function parse(type: protobuf.Type, json: Record<string, unknown>): protobuf.Message {
  try {
    // It came out of JSON.parse: what it holds is JSON.
    const message = fromProto3JSON(type, json as Parameters<typeof fromProto3JSON>[1])
    if (message !== null) return message as protobuf.Message // of another copy's type by name alone
  } catch {
    // said below
  }
  throw new RpcError('INVALID_ARGUMENT', 'Invalid JSON payload received.')
}

function toJson(type: protobuf.Type, body: Record<string, unknown>, numericEnums: boolean): unknown {
  const message = type.fromObject(body)
  return toProto3JSON(message as Parameters<typeof toProto3JSON>[0], { numericEnums }) // likewise
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    throw new RpcError('INVALID_ARGUMENT', 'Invalid JSON payload received.')
  }
}

function sendError(response: ServerResponse, { code, message, details: all }: RpcError): void {
  const status = httpStatusOf(code)
  const details = all.filter((one) => !one['@type'].endsWith('.DebugInfo')) // recorded in gRPC, never in REST
  const error = { code: status, message, status: statusOf(code), ...(details.length > 0 && { details }) }
  send(response, status, { error })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', server: 'ESF' })
  response.end(JSON.stringify(body, withoutEmptyMaps))
}

/** The serializer shows a map without entries; the real service does not. */
function withoutEmptyMaps(field: string, value: unknown): unknown {
  return field !== '' && JSON.stringify(value) === '{}' ? undefined : value
}
