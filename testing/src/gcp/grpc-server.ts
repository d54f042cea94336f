import { type handleUnaryCall, Metadata, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import type { Answer } from './answer.ts'
import { asRpcError, type RpcError } from './rpc-error.ts'
import { loadErrorTypes, plainObject, type SchemaMethod } from './service-schema.ts'

export interface RunningGrpcServer extends AsyncDisposable {
  readonly address: string
}

/** gRPC on a free port of 127.0.0.1, in the clear. */
export async function startGrpcServer(methods: readonly SchemaMethod[], answer: Answer): Promise<RunningGrpcServer> {
  const server = new Server()
  const handlers = methods.map((method) => [method.name, unary(method, answer)] as const)
  server.addService(definition(methods), Object.fromEntries(handlers))
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, port: number): void => (error === null ? resolve(port) : reject(error))
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound)
  })
  return {
    address: `127.0.0.1:${port}`,
    // No grace: what hangs on purpose would never end.
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  }
}

type Plain = Record<string, unknown>

function definition(methods: readonly SchemaMethod[]): ServiceDefinition {
  const rows = methods.map(({ name, path, request, response }) => {
    const row: ServiceDefinition[string] = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Plain) => Buffer.from(request.encode(request.fromObject(value)).finish()),
      requestDeserialize: (bytes: Buffer): Plain => request.toObject(request.decode(bytes), plainObject),
      responseSerialize: (value: Plain) => Buffer.from(response.encode(response.fromObject(value)).finish()),
      responseDeserialize: (bytes: Buffer): Plain => response.toObject(response.decode(bytes), plainObject),
    }
    return [name, row] as const
  })
  return Object.fromEntries(rows)
}

function unary(method: SchemaMethod, answer: Answer): handleUnaryCall<Plain, Plain> {
  return (call, callback) => {
    const { request, metadata } = call
    const authorization = metadata.get('authorization')[0]?.toString()
    const abandoned = new AbortController()
    call.on('cancelled', () => abandoned.abort())
    answer({ method, transport: 'grpc', request, authorization, abandoned: abandoned.signal }).then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusObject(asRpcError(error))),
    )
  }
}

function statusObject(error: RpcError): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata()
  if (error.details.length > 0) metadata.set('grpc-status-details-bin', encodeStatus(error))
  return { code: error.code, details: error.message, metadata }
}

/** google.rpc.Status with each detail as an Any. */
function encodeStatus({ code, message, details }: RpcError): Buffer {
  const types = loadErrorTypes()
  const status = types.lookupType('google.rpc.Status')
  const encoded = details.map(({ '@type': url, ...fields }) => {
    const type = types.lookupType(url.slice(url.indexOf('/') + 1))
    return { type_url: url, value: type.encode(type.fromObject(fields)).finish() }
  })
  return Buffer.from(status.encode(status.fromObject({ code, message, details: encoded })).finish())
}
