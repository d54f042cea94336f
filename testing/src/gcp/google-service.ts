import type { Answer } from './answer.ts'
import { startGrpcServer } from './grpc-server.ts'
import type { Operations } from './operations.ts'
import { startRestServer } from './rest-server.ts'
import { RpcError } from './rpc-error.ts'
import { type ServiceFaults, serviceFaults } from './service-faults.ts'
import { loadService } from './service-schema.ts'

/** What tells one service from another. */
export interface GoogleServiceOptions {
  /** The description in the client's package. */
  readonly protos: string
  readonly service: string
  /** As its refusals call it. */
  readonly title: string
  readonly operations: Operations
  /** Asked at each call. */
  readonly access: { readonly tokens: ReadonlySet<string> | undefined; readonly apiEnabled: boolean }
}

export interface GoogleService extends AsyncDisposable {
  readonly address: string
  readonly restUrl: string
  readonly faults: ServiceFaults
}

/** A service over both transports. Knows no service in particular. */
export async function startGoogleService(options: GoogleServiceOptions): Promise<GoogleService> {
  const { operations, access, title } = options
  const methods = loadService(options.protos, options.service)
  const faults = serviceFaults()
  const answer: Answer = async ({ method, transport, request, authorization, abandoned }) => {
    const alter = await faults.meet({ method: method.name, transport, request }, abandoned)
    demandAccess(access, title, authorization)
    const operation = operations[method.name]
    if (operation === undefined) throw new RpcError('UNIMPLEMENTED', `${method.name} is not served here.`)
    const response = operation(request)
    alter(response)
    return response
  }
  await using stack = new AsyncDisposableStack()
  const grpc = stack.use(await startGrpcServer(methods, answer))
  const rest = stack.use(await startRestServer(methods, answer))
  const running = stack.move()
  return {
    address: grpc.address,
    restUrl: rest.url,
    faults,
    async [Symbol.asyncDispose]() {
      faults.recover()
      await running[Symbol.asyncDispose]()
    },
  }
}

function demandAccess(
  { tokens, apiEnabled }: GoogleServiceOptions['access'],
  title: string,
  authorization: string | undefined,
): void {
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  if (tokens !== undefined && !tokens.has(token ?? '')) {
    throw new RpcError('UNAUTHENTICATED', 'Request had invalid authentication credentials.')
  }
  if (!apiEnabled) throw new RpcError('PERMISSION_DENIED', `${title} API has not been used in project 0 before.`)
}
