import { RpcError, type RpcStatus } from './rpc-error.ts'

/** What a server does in place of, or to, its honest answer. */
export type Fault =
  | { readonly kind: 'error'; readonly error: RpcError }
  | { readonly kind: 'delay'; readonly ms: number }
  /** No answer, until the client gives up or the server ends. */
  | { readonly kind: 'hang' }
  /** The answer with some of it changed on the way. */
  | { readonly kind: 'alter'; alter(answer: Record<string, unknown>): void }

export interface FaultTerms {
  /** Such as `Encrypt`; every method without it. */
  readonly method?: string
  /** How many calls it meets; all without it. */
  readonly times?: number
}

/** Faults and calls of one server; knows neither the service nor the transport. */
export interface ServiceFaults {
  /** Every call that arrived, in order, those that were refused included. */
  readonly calls: readonly ServiceCall[]
  /** How many calls arrived at a method, or at all. */
  count(method?: string): number
  /** How many calls their clients gave up while they waited for an answer. */
  readonly abandoned: number
  fault(fault: Fault, terms?: FaultTerms): void
  fail(
    status: RpcStatus,
    terms?: FaultTerms & { readonly message?: string; readonly details?: RpcError['details'] },
  ): void
  /** Forgets the faults, and answers what hangs with an error. */
  recover(): void
}

export interface ServiceCall {
  readonly method: string
  readonly transport: 'grpc' | 'rest'
  readonly request: Readonly<Record<string, unknown>>
}

export interface ServedFaults extends ServiceFaults {
  /** Notes the call and lets its faults act. @returns what is to be done to the answer */
  meet(call: ServiceCall, abandoned: AbortSignal): Promise<(answer: Record<string, unknown>) => void>
}

interface Standing {
  readonly fault: Fault
  readonly method: string | undefined
  left: number
}

export function serviceFaults(): ServedFaults {
  const calls: ServiceCall[] = []
  const standing: Standing[] = []
  let release = Promise.withResolvers<void>()
  let abandonedCalls = 0
  return {
    calls,
    get abandoned() {
      return abandonedCalls
    },
    count: (method) => calls.filter((call) => method === undefined || call.method === method).length,
    fault(fault, { method, times = Number.POSITIVE_INFINITY } = {}) {
      standing.push({ fault, method, left: times })
    },
    fail(status, { message = `${status} on request of the test`, details = [], ...terms } = {}) {
      this.fault({ kind: 'error', error: new RpcError(status, message, details) }, terms)
    },
    recover() {
      standing.length = 0
      release.resolve()
      release = Promise.withResolvers()
    },
    async meet(call, abandoned) {
      calls.push(call)
      abandoned.addEventListener('abort', () => abandonedCalls++, { once: true })
      const alterations: ((answer: Record<string, unknown>) => void)[] = []
      for (const one of standing) {
        if (one.left <= 0 || (one.method !== undefined && one.method !== call.method)) continue
        one.left--
        if (one.fault.kind === 'error') throw one.fault.error
        if (one.fault.kind === 'alter') alterations.push(one.fault.alter)
        if (one.fault.kind === 'delay') await delay(one.fault.ms, release.promise)
        if (one.fault.kind === 'hang') await hang(release.promise)
      }
      return (answer) => {
        for (const alter of alterations) alter(answer)
      }
    },
  }
}

async function delay(ms: number, released: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([promise, released])
  clearTimeout(timer)
}

async function hang(released: Promise<void>): Promise<never> {
  await released
  throw new RpcError('UNAVAILABLE', 'the server let go of the call')
}

/** One bit of a field of bytes, flipped. */
export function flipBit(field: string): Fault {
  return {
    kind: 'alter',
    alter(answer) {
      const bytes = answer[field]
      if (!(bytes instanceof Uint8Array)) throw new Error(`${field} holds no bytes`)
      answer[field] = bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 0x01 : byte))
    },
  }
}

/** A field with another value; undefined leaves it out. */
export function setField(field: string, value: unknown): Fault {
  return {
    kind: 'alter',
    alter(answer) {
      answer[field] = value
    },
  }
}
