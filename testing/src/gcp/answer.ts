import type { SchemaMethod } from './service-schema.ts'

/** One call as it arrived, over whatever transport. */
export interface IncomingCall {
  readonly method: SchemaMethod
  readonly transport: 'grpc' | 'rest'
  readonly request: Record<string, unknown>
  /** The header, where it came. */
  readonly authorization: string | undefined
  /** Aborted when the client gives the call up. */
  readonly abandoned: AbortSignal
}

export type Answer = (call: IncomingCall) => Promise<Record<string, unknown>>
