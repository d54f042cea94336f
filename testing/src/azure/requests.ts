import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorBody, type ServiceError } from './service-error.ts'

/** A request that came, whatever became of it. */
export interface SeenRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Absent where it carried none. */
  readonly token: string | undefined
}

/** What happens instead of an answer, or before it. */
export type Fault =
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  /** The answer's head and half of its body, and then the connection's end. */
  | { readonly kind: 'truncated' }
  /** As much of the answer, and then nothing, on a connection that stays. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'refusal'; readonly error: ServiceError }
  /** An answer as a test wants it, such as a recorded one. */
  | ({ readonly kind: 'answer' } & Answer)

export interface FaultTerms {
  /** How many requests it meets; all, without it. */
  readonly times?: number
  /** Which requests it meets; those with a token, without it. */
  readonly when?: (request: SeenRequest) => boolean
}

/** Throttling as the services answer it: users report it without a `Retry-After`. */
export function throttled(retryAfterSeconds?: number): Fault {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  const message = 'Request was not processed because too many requests were received.'
  return { kind: 'refusal', error: { status: 429, code: 'Throttled', message, headers } }
}

export function serverError(status: number, code = 'InternalServerError'): Fault {
  return { kind: 'refusal', error: { status, code, message: 'An error occurred.' } }
}

/** Counts what comes, and makes it fail on request. */
export class RequestLog {
  readonly requests: SeenRequest[] = []
  readonly #faults: { readonly fault: Fault; readonly terms: FaultTerms; left: number }[] = []

  /** The next requests that the terms name meet this fault; earlier faults come first. */
  fault(fault: Fault, terms: FaultTerms = {}): void {
    this.#faults.push({ fault, terms, left: terms.times ?? Number.POSITIVE_INFINITY })
  }

  /** Forgets the faults, and what came. */
  reset(): void {
    this.#faults.length = 0
    this.requests.length = 0
  }

  see(request: SeenRequest): Fault | undefined {
    this.requests.push(request)
    const rule = this.#faults.find(({ left, terms }) => left > 0 && (terms.when ?? carriesToken)(request))
    if (rule === undefined) return undefined
    rule.left -= 1
    return rule.fault
  }
}

function carriesToken({ token }: SeenRequest): boolean {
  return token !== undefined
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; text as it stands. */
  readonly body?: unknown
}

/** Sends an answer, or does what the fault says instead. */
export async function send(response: ServerResponse, answer: Answer, fault: Fault | undefined): Promise<void> {
  if (fault?.kind === 'hang') return
  if (fault?.kind === 'reset') {
    response.socket?.destroy()
    return
  }
  // It waits in earnest: what is tested is a client's own timer.
  if (fault?.kind === 'latency') await sleep(fault.ms, undefined, { ref: false })
  const { status, headers, body } = answerUnder(fault) ?? answer
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const length = Buffer.byteLength(text)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': length,
    ...headers,
  })
  const half = text.slice(0, text.length >> 1)
  if (fault?.kind === 'stalled') response.write(half)
  else if (fault?.kind === 'truncated') response.write(half, () => response.socket?.destroy())
  else response.end(text)
}

function answerUnder(fault: Fault | undefined): Answer | undefined {
  if (fault?.kind === 'answer') return fault
  return fault?.kind === 'refusal' ? refusalOf(fault.error) : undefined
}

export function refusalOf(error: ServiceError): Answer {
  const { status, headers = {} } = error
  return { status, headers, body: errorBody(error) }
}
