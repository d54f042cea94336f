import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { createGrpcFaults } from './fault-grpc.ts'
import { createHttpFaults, type ProxyTls } from './fault-http.ts'
import { createTcpFaults } from './fault-tcp.ts'
import { type Fault, type FaultPlan, type FaultTerms, faultPlan, type ProxiedRequest } from './faults.ts'

export type { Fault, FaultTerms, ProxiedRequest } from './faults.ts'

/** A proxy in front of a server, that fails where a test tells it to and hands on the rest unchanged. */
export interface FaultProxy extends AsyncDisposable {
  /** In place of the target's: the same scheme, another port of 127.0.0.1. */
  readonly url: string
  readonly port: number
  /** Every request that came, those with a fault included. In plain TCP: every piece that a client sent. */
  readonly requests: readonly ProxiedRequest[]
  /** Connections that were made to it. */
  readonly connections: number
  /** From now on. Of several faults, those with `times` come first, in their order; of the others, the last one holds. */
  fault(fault: Fault, terms?: FaultTerms): () => void
  /** No faults any more. */
  recover(): void
  /** Ends it and every connection through it. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface FaultProxyOptions {
  /**
   * `http://`, `https://` (give `tls`), `grpc://` (HTTP/2 without TLS) or `tcp://`, with host and port. Requests and answers
   * are held whole before they are handed on, but for plain TCP.
   */
  readonly target: string
  /** For an `https` target: what this proxy shows its clients, and the authority that it knows the target by. */
  readonly tls?: ProxyTls
}

/**
 * Starts a proxy on a free port.
 *
 * @example
 * ```ts
 * await using proxy = await startFaultProxy({ target: server.url })
 * proxy.fault({ kind: 'status', status: 429, headers: { 'retry-after': '1' } }, { times: 2 })
 * ```
 */
export async function startFaultProxy({ target, tls }: FaultProxyOptions): Promise<FaultProxy> {
  const plan = faultPlan()
  const url = new URL(target)
  const server = createServer(url, plan, tls)
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  return {
    url: `${url.protocol}//127.0.0.1:${port}`,
    port,
    requests: plan.requests,
    get connections() {
      return connections
    },
    fault: (fault, terms = {}) => {
      if (fault.kind === 'status' && url.protocol === 'tcp:') throw new Error('fault proxy: plain TCP has no status')
      return plan.add(fault, terms)
    },
    recover: () => plan.clear(),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function createServer(target: URL, plan: FaultPlan, tls: ProxyTls | undefined): Server {
  switch (target.protocol) {
    case 'http:':
      return createHttpFaults(target, plan)
    case 'https:':
      if (tls === undefined) throw new Error('fault proxy: an https target needs tls')
      return createHttpFaults(target, plan, tls)
    case 'grpc:':
      return createGrpcFaults(target, plan)
    case 'tcp:':
      return createTcpFaults(target, plan)
    default:
      throw new Error(`fault proxy: ${target.protocol} is none of http:, https:, grpc:, tcp:`)
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('fault proxy: no port')
  return address.port
}
