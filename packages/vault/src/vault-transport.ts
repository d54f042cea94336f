import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { KeyfoldError } from '@keyfold/core'

/** What `node-vault` hands to its transport: its own options, and those that were given to `client.request`. */
export interface TransportRequest {
  readonly method: string
  readonly uri: string
  readonly headers: Readonly<Record<string, string>>
  readonly json?: object
  readonly signal?: AbortSignal
  /** Told of the answer's headers, which `node-vault` drops. */
  readonly onHeaders?: (headers: IncomingHttpHeaders) => void
}

/** What `node-vault` wants back. */
export interface TransportAnswer {
  readonly statusCode: number
  readonly body: unknown
  /** Never a path: `node-vault` turns every failure of one that has `sys/health` in it into a success. */
  readonly request: { readonly path: '' }
}

export interface Transport {
  request(options: TransportRequest): Promise<TransportAnswer>
  close(): void
}

const longestBodyBytes = 4 * 1024 * 1024

/**
 * Requests of one server. TLS is verified whatever the environment says, no redirect is followed, and the bytes of bodies,
 * which hold data keys, are wiped.
 *
 * @param ca the authorities that may vouch for the server, in PEM, in place of the system's
 */
export function createTransport(ca: string | undefined): Transport {
  const http = new HttpAgent({ keepAlive: true })
  const tls = new TlsAgent({ keepAlive: true, rejectUnauthorized: true, ...(ca !== undefined && { ca }) })
  return {
    async request({ method, uri, headers, json, signal, onHeaders }) {
      const url = new URL(uri)
      const sent = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
      const isTls = url.protocol === 'https:'
      const agent = isTls ? tls : http
      const onAbort = (): void => closeIdleAfterTimeout(agent, signal)
      signal?.addEventListener('abort', onAbort)
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
      const request = isTls ? requestTls : requestHttp
      const outgoing = request(url, { method, agent, ...(signal && { signal }) }, resolve)
      // Not among the options: NODE_DEBUG=http prints those.
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
      if (sent !== undefined) outgoing.setHeader('content-type', 'application/json')
      outgoing.on('error', reject)
      outgoing.on('close', () => {
        sent?.fill(0) // also where the body is not sent, or not whole
        signal?.removeEventListener('abort', onAbort)
      })
      outgoing.end(sent, () => sent?.fill(0))
      const incoming = await promise
      onHeaders?.(incoming.headers)
      const { statusCode = 0 } = incoming
      return { statusCode, body: parseBody(statusCode, await textOf(incoming)), request: { path: '' } }
    },
    close() {
      http.destroy()
      tls.destroy()
    },
  }
}

/** What broke one connection without a word broke the others to the same server: the next try is not to meet one of them. */
function closeIdleAfterTimeout({ freeSockets }: HttpAgent, signal: AbortSignal | undefined): void {
  const reason: unknown = signal?.reason
  if (!KeyfoldError.is(reason) || reason.code !== 'TIMEOUT') return
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of incoming) {
      pieces.push(piece)
      length += piece.length
      if (length > longestBodyBytes)
        throw new KeyfoldError('LIMIT_EXCEEDED', `an answer of over ${longestBodyBytes} bytes`)
    }
    const whole = Buffer.concat(pieces)
    const text = whole.toString('utf8')
    whole.fill(0)
    return text
  } finally {
    for (const piece of pieces) piece.fill(0)
  }
}

/** What stands between may answer a failure with anything; a success is JSON, or nothing. */
function parseBody(status: number, text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the text.
    if (status >= 300) return undefined
    throw new KeyfoldError('TRANSPORT_CORRUPTION', 'the answer is no JSON')
  }
}
