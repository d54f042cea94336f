/** What a fault proxy does to a request in place of handing it on and its answer back. */
export type Fault =
  /** Waits, then hands on. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** Breaks the connection; the target never sees the request. */
  | { readonly kind: 'reset' }
  /** Takes the request and says nothing, until the client leaves or the proxy ends. */
  | { readonly kind: 'black-hole' }
  /** Answers by itself; the target never sees the request. Not in plain TCP. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Uint8Array
    }
  /** The target does its work; of its answer come the headers and this many bytes (half, if not said), then a break. */
  | { readonly kind: 'truncated'; readonly keptBytes?: number }
  /** One bit of the answer's body is inverted: of the byte `at` (the middle one, if not said). */
  | { readonly kind: 'flipped-bit'; readonly at?: number }

/** A request as the proxy saw it; in plain TCP a piece of what the client sent, with no method, path or headers. */
export interface ProxiedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface FaultTerms {
  /** How many requests it befalls; all, if not said. */
  readonly times?: number
  /** Which requests it may befall; any, if not said. */
  readonly when?: (request: ProxiedRequest) => boolean
}

/** The faults that were asked for, and the requests that came. */
export interface FaultPlan {
  readonly requests: ProxiedRequest[]
  add(fault: Fault, terms: FaultTerms): () => void
  clear(): void
  /** The fault for a request, counted as used. */
  take(request: ProxiedRequest): Fault | undefined
}

interface Line {
  readonly fault: Fault
  readonly counted: boolean
  readonly when: (request: ProxiedRequest) => boolean
  left: number
}

/** Lines with `times` come first, in their order; of the others, the last one holds. */
export function faultPlan(): FaultPlan {
  const lines = new Set<Line>()
  return {
    requests: [],
    add(fault, { times = Number.POSITIVE_INFINITY, when = () => true }) {
      const line = { fault, counted: Number.isFinite(times), when, left: times }
      lines.add(line)
      return () => void lines.delete(line)
    },
    clear: () => lines.clear(),
    take(request) {
      const fitting = [...lines].filter(({ left, when }) => left > 0 && when(request))
      const line = fitting.find(({ counted }) => counted) ?? fitting.at(-1)
      if (line !== undefined) line.left -= 1
      return line?.fault
    },
  }
}

/** One bit of a copy inverted; nothing to invert in no bytes. */
export function flipBit(bytes: Uint8Array, at: number = bytes.length >> 1): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
}
