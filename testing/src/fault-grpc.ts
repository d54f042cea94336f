import {
  connect,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Server } from 'node:net'
import { bodyOf, exchange, type HeldAnswer, plainHeaders } from './fault-exchange.ts'
import type { FaultPlan } from './faults.ts'

/**
 * A proxy for HTTP/2 without TLS, as gRPC speaks it to a local server: one answer to one request. An error of gRPC is the
 * fault `{ kind: 'status', status: 200, headers: { 'content-type': 'application/grpc', 'grpc-status': '8' } }`.
 */
export function createGrpcFaults(target: URL, plan: FaultPlan): Server {
  const authority = `http://${target.host}`
  return createServer((incoming, outgoing) => {
    incoming.stream.on('error', () => undefined)
    serve(incoming, outgoing, authority, plan).catch(() => incoming.stream.destroy())
  })
}

async function serve(
  incoming: Http2ServerRequest,
  outgoing: Http2ServerResponse,
  authority: string,
  plan: FaultPlan,
): Promise<void> {
  const { method, url: path, headers } = incoming
  const body = await bodyOf(incoming)
  const reset = (): void => incoming.stream.session?.destroy()
  await exchange(plan, {
    request: { method, path, headers: plainHeaders(headers), body },
    forward: () => forward(authority, headers, body),
    answer({ status, headers: answered, body: sent, trailers = {} }) {
      // With nothing behind them the headers must end the stream: only there does a client look for a status in them.
      if (sent.length === 0 && Object.keys(trailers).length === 0) {
        outgoing.stream.respond({ ...answered, ':status': status }, { endStream: true })
        return
      }
      outgoing.writeHead(status, answered)
      outgoing.addTrailers(trailers)
      outgoing.end(sent)
    },
    answerPart({ status, headers: answered, body: whole }, keptBytes) {
      outgoing.writeHead(status, answered)
      outgoing.write(whole.subarray(0, keptBytes), reset)
    },
    reset,
  })
}

async function forward(authority: string, headers: IncomingHttpHeaders, body: Uint8Array): Promise<HeldAnswer> {
  const session = connect(authority)
  try {
    const stream = session.request(headers)
    const { promise: failed, reject } = Promise.withResolvers<never>()
    const { promise: head, resolve } = Promise.withResolvers<IncomingHttpHeaders & { ':status'?: number }>()
    session.on('error', reject)
    stream.on('error', reject)
    stream.on('response', resolve)
    let trailers: OutgoingHttpHeaders = {}
    stream.on('trailers', (received) => {
      trailers = withoutPseudo(received)
    })
    stream.end(body)
    const { ':status': status = 502, ...answered } = await Promise.race([head, failed])
    const whole = await Promise.race([bodyOf(stream), failed])
    // Received headers have a value each.
    return { status, headers: withoutPseudo(answered), body: whole, trailers } as HeldAnswer
  } finally {
    session.destroy()
  }
}

function withoutPseudo(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')))
}
