import { type ErrorCode, KeyfoldError } from '@keyfold/core'

/** The calls that are made. */
export type Operation = 'encrypt' | 'decrypt' | 'getCryptoKey'

interface Row {
  /** As google/rpc/code.proto names it. */
  readonly status: string
  readonly code: ErrorCode
}

/**
 * What each gRPC code means; over REST the client maps to the same ones. What is not in it is UNKNOWN and not retried.
 *
 * Source: google/rpc/code.proto
 */
const table: Readonly<Record<number, Row>> = {
  1: { status: 'CANCELLED', code: 'UNAVAILABLE' }, // not by us: a proxy or server reset the stream
  3: { status: 'INVALID_ARGUMENT', code: 'INVALID_ARGUMENT' },
  4: { status: 'DEADLINE_EXCEEDED', code: 'TIMEOUT' },
  5: { status: 'NOT_FOUND', code: 'KEY_NOT_FOUND' },
  7: { status: 'PERMISSION_DENIED', code: 'ACCESS_DENIED' },
  8: { status: 'RESOURCE_EXHAUSTED', code: 'THROTTLED' },
  9: { status: 'FAILED_PRECONDITION', code: 'KEY_DISABLED' }, // disabled, to be destroyed, destroyed, no primary version
  12: { status: 'UNIMPLEMENTED', code: 'UNSUPPORTED' },
  13: { status: 'INTERNAL', code: 'UNAVAILABLE' },
  14: { status: 'UNAVAILABLE', code: 'UNAVAILABLE' },
  16: { status: 'UNAUTHENTICATED', code: 'UNAUTHENTICATED' },
}

/** What the service said, as far as it can hold no secret: neither its text nor the client's error, which may hold the request. */
export interface ServiceAnswer {
  /** Of gRPC; undefined where the client failed without any. */
  readonly grpcCode: number | undefined
  readonly status: string
  readonly httpStatus?: number
  /** google.rpc.ErrorInfo.reason, such as SERVICE_DISABLED. */
  readonly reason?: string
  /** The permission that a denial names. */
  readonly permission?: string
  /** google.rpc.PreconditionFailure.violations[].type, such as KEY_DISABLED. */
  readonly violations?: readonly string[]
}

/** A failure of the client as a KeyfoldError. */
export function cloudKmsError(keyName: string, operation: Operation, error: unknown): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  const said: ClientError = typeof error === 'object' && error !== null ? error : {}
  const grpcCode = grpcCodeOf(error)
  if (grpcCode === undefined && said.message === closedText) return closedError()
  const answer = answerOf(said, grpcCode)
  const hint = answer.permission ?? answer.violations?.[0] ?? answer.reason
  const message = `${keyName}: ${operation} failed with ${answer.status}${hint === undefined ? '' : ` (${hint})`}`
  const options = { cause: answer, retryAfterMs: retryAfterOf(said) }
  return new KeyfoldError(codeOf(said, grpcCode, operation), message, options)
}

/** What a closed client says, without a code. */
const closedText = 'The client has already been closed.'

/** Of a provider that was closed, or a client. */
export function closedError(): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', 'cloudKms: used after it was closed')
}

/** Whether nothing came back in time, by the client's clock or the service's. */
export function isTimeout(error: unknown): boolean {
  return table[grpcCodeOf(error) ?? 0]?.code === 'TIMEOUT'
}

/** Whether the service said it, and no client, proxy or system on the way: what says so is alive. */
export function isAnswer(error: unknown): boolean {
  const code = grpcCodeOf(error) ?? 0
  return table[code] !== undefined && !unanswered.has(code)
}

function grpcCodeOf(error: unknown): number | undefined {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'number' ? code : undefined
}

/** CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE. */
const unanswered: ReadonlySet<number> = new Set([1, 4, 14])

/** No credentials, or none for this universe: the client says it before any request. */
export function noCredentials(keyName: string): KeyfoldError {
  const how = 'Application Default Credentials, or a client of your own that has some'
  return new KeyfoldError('UNAUTHENTICATED', `${keyName}: no credentials for Google Cloud: expected ${how}`)
}

/** What may be on an error of the client, over either transport. */
interface ClientError {
  readonly code?: unknown
  readonly details?: unknown
  readonly message?: unknown
  readonly reason?: unknown
  readonly httpStatusCode?: unknown
  readonly cause?: { readonly response?: unknown } | null
  readonly statusDetails?: unknown
}

function codeOf(error: ClientError, grpcCode: number | undefined, operation: Operation): ErrorCode {
  const row = grpcCode === undefined ? undefined : table[grpcCode]
  if (row === undefined) return 'UNKNOWN'
  if (!isAnswerOfService(error)) return codeOfStranger(error, row)
  // Another context, another key, an altered ciphertext: one code, and texts that differ from each other and over time.
  if (grpcCode === 3 && operation === 'decrypt') return 'AUTHENTICATION_FAILED'
  return row.code
}

/**
 * Over REST, somebody else may answer: a proxy with a page of HTML, or the server that gives tokens. The client maps such
 * HTTP statuses to gRPC codes all the same: a token refused with 400 becomes INVALID_ARGUMENT, a proxy's 407 becomes
 * FAILED_PRECONDITION. On those errors it leaves a cause; on the service's own answers it leaves none but for 401 and 403.
 */
function isAnswerOfService({ httpStatusCode: status, cause }: ClientError): boolean {
  if (status === undefined || status === 401 || status === 403) return true
  return cause === undefined || cause === null
}

function codeOfStranger({ httpStatusCode: status, cause }: ClientError, { code }: Row): ErrorCode {
  if (typeof status !== 'number' || status >= 500 || status === 429) return code
  // Every answer but 401 and 403 is read by the client itself: a response in the cause is that of the server for tokens.
  return cause?.response === undefined ? 'UNKNOWN' : 'UNAUTHENTICATED'
}

function answerOf(error: ClientError, grpcCode: number | undefined): ServiceAnswer {
  const { httpStatusCode, reason } = error
  const permission = /'(cloudkms\.[a-zA-Z.]{1,80})'/.exec(`${error.details ?? ''} ${error.message ?? ''}`)?.[1]
  const violations = detailsOf(error).flatMap(({ violations }) => (Array.isArray(violations) ? violations : []))
  const types = violations.map((one: { readonly type?: unknown } | null) => one?.type).filter(isConstant)
  return {
    grpcCode,
    status: grpcCode === undefined ? 'no status' : (table[grpcCode]?.status ?? `status ${grpcCode}`),
    ...(typeof httpStatusCode === 'number' && { httpStatus: httpStatusCode }),
    ...(isConstant(reason) && { reason }),
    ...(permission !== undefined && { permission }),
    ...(types.length > 0 && { violations: types }),
  }
}

/** Names of the services' own: capital letters, as UPPER_SNAKE_CASE. */
function isConstant(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(value)
}

interface StatusDetail {
  readonly violations?: unknown
  readonly retryDelay?: { readonly seconds?: unknown; readonly nanos?: unknown } | null
}

function detailsOf({ statusDetails }: ClientError): readonly StatusDetail[] {
  return Array.isArray(statusDetails) ? statusDetails.filter((one) => typeof one === 'object' && one !== null) : []
}

/** google.rpc.RetryInfo, where the service sent it. */
function retryAfterOf(error: ClientError): number | undefined {
  const delay = detailsOf(error).find(({ retryDelay }) => retryDelay)?.retryDelay
  if (!delay) return undefined
  const ms = Number(delay.seconds ?? 0) * 1000 + Number(delay.nanos ?? 0) / 1e6
  return Number.isFinite(ms) && ms >= 0 ? Math.ceil(ms) : undefined
}
