import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, request as requestHttps } from 'node:https'
import type { Server } from 'node:net'
import { bodyOf, exchange, type HeldAnswer, plainHeaders } from './fault-exchange.ts'
import type { FaultPlan } from './faults.ts'

/** In PEM. */
export interface ProxyTls {
  readonly key: string
  readonly cert: string
  /** Whom the target's certificate is by; this proxy's own certificate, if not said. */
  readonly ca?: string
}

/** A proxy for HTTP/1.1. */
export function createHttpFaults(target: URL, plan: FaultPlan, tls?: ProxyTls): Server {
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    // A client that has left breaks what is still read or written, and nobody is there to be told.
    serve(incoming, outgoing, { target, plan, tls }).catch(() => incoming.socket.destroy())
  }
  return tls === undefined ? createServer(onRequest) : createTlsServer({ key: tls.key, cert: tls.cert }, onRequest)
}

interface Passage {
  readonly target: URL
  readonly plan: FaultPlan
  readonly tls: ProxyTls | undefined
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { target, plan, tls }: Passage,
): Promise<void> {
  const { method = 'GET', url: path = '/', headers } = incoming
  const body = await bodyOf(incoming)
  const reset = (): void => void incoming.socket.resetAndDestroy()
  await exchange(plan, {
    request: { method, path, headers: plainHeaders(headers), body },
    forward: () => forward({ target, tls, method, path, headers, body }),
    answer({ status, headers: answered, body: sent }) {
      outgoing.writeHead(status, { ...answered, 'content-length': sent.length })
      outgoing.end(sent)
    },
    answerPart({ status, headers: answered, body: whole }, keptBytes) {
      outgoing.writeHead(status, { ...answered, 'content-length': whole.length })
      outgoing.flushHeaders()
      // Ended and not reset: a reset may overtake the bytes that were sent before it.
      outgoing.write(whole.subarray(0, keptBytes), () => incoming.socket.destroySoon())
    },
    reset,
  })
}

interface Forwarded {
  readonly target: URL
  readonly tls: ProxyTls | undefined
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

function forward({ target, tls, method, path, headers, body }: Forwarded): Promise<HeldAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HeldAnswer>()
  // Its own connection each time: what the target does with one says nothing of another. The path goes as it came.
  const sent = { ...headers, 'content-length': body.length, connection: 'close' }
  const options = { host: target.hostname, port: target.port, method, path, headers: sent, agent: false }
  const onAnswer = (answer: IncomingMessage): void => {
    const { statusCode: status = 502, headers: answered } = answer
    const { connection, 'transfer-encoding': chunked, ...kept } = answered
    // Incoming headers have a value each.
    bodyOf(answer).then((whole) => resolve({ status, headers: kept as HeldAnswer['headers'], body: whole }), reject)
  }
  const request =
    tls === undefined
      ? requestHttp(options, onAnswer)
      : requestHttps({ ...options, ca: tls.ca ?? tls.cert, servername: 'localhost' }, onAnswer)
  request.on('error', reject).end(body)
  return promise
}
