/** What a Google service answers when it refuses: one shape for gRPC and for REST. */
export class RpcError extends Error {
  readonly code: number
  readonly details: readonly ErrorDetail[]

  constructor(status: keyof typeof rpcCodes, message: string, details: readonly ErrorDetail[] = []) {
    super(message)
    this.code = rpcCodes[status]
    this.details = details
  }
}

/** A message of google/rpc/error_details.proto in proto3 JSON, such as `google.rpc.RetryInfo`. */
export interface ErrorDetail {
  readonly '@type': `type.googleapis.com/google.rpc.${string}`
  readonly [field: string]: unknown
}

/** Source: google/rpc/code.proto */
const rpcCodes = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type RpcStatus = keyof typeof rpcCodes

/** The HTTP status that google/rpc/code.proto gives for each. */
const httpStatuses: Readonly<Record<RpcStatus, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
}

export function statusOf(code: number): RpcStatus {
  const found = Object.entries(rpcCodes).find(([, value]) => value === code)
  return (found?.[0] ?? 'UNKNOWN') as RpcStatus // the record's own key
}

export function httpStatusOf(code: number): number {
  return httpStatuses[statusOf(code)]
}

/** Whatever a handler throws, as what the service would answer. */
export function asRpcError(error: unknown): RpcError {
  return error instanceof RpcError ? error : new RpcError('INTERNAL', `the test server failed: ${String(error)}`)
}
