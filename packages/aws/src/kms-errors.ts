import { type ErrorCode, KeyfoldError } from '@keyfold/core'

/**
 * What AWS calls its failures, and what they are here. KMS answers nearly all of them with HTTP 400, and may leave the
 * message out: only the name counts.
 */
const codes: Readonly<Record<string, ErrorCode>> = {
  AccessDeniedException: 'ACCESS_DENIED',
  NotAuthorized: 'ACCESS_DENIED',
  OptInRequired: 'ACCESS_DENIED',

  ExpiredToken: 'UNAUTHENTICATED',
  ExpiredTokenException: 'UNAUTHENTICATED',
  IncompleteSignature: 'UNAUTHENTICATED',
  IncompleteSignatureException: 'UNAUTHENTICATED',
  InvalidClientTokenId: 'UNAUTHENTICATED',
  InvalidSignatureException: 'UNAUTHENTICATED',
  MissingAuthenticationToken: 'UNAUTHENTICATED',
  MissingAuthenticationTokenException: 'UNAUTHENTICATED',
  RequestExpired: 'UNAUTHENTICATED',
  SignatureDoesNotMatch: 'UNAUTHENTICATED',
  UnrecognizedClientException: 'UNAUTHENTICATED',
  // These two are the client's own: it found no credentials, or could not refresh them.
  CredentialsProviderError: 'UNAUTHENTICATED',
  TokenProviderError: 'UNAUTHENTICATED',

  NotFoundException: 'KEY_NOT_FOUND',
  DisabledException: 'KEY_DISABLED',
  KMSInvalidStateException: 'KEY_DISABLED',

  // The wrong context, the wrong key and damage: which of them, the service does not say.
  InvalidCiphertextException: 'AUTHENTICATION_FAILED',
  IncorrectKeyException: 'AUTHENTICATION_FAILED',

  InvalidAliasNameException: 'INVALID_ARGUMENT',
  InvalidArnException: 'INVALID_ARGUMENT',
  InvalidGrantTokenException: 'INVALID_ARGUMENT',
  InvalidKeyUsageException: 'INVALID_ARGUMENT',
  ValidationException: 'INVALID_ARGUMENT',
  UnsupportedOperationException: 'UNSUPPORTED',
  LimitExceededException: 'LIMIT_EXCEEDED', // a quota of things that exist, not of calls

  BandwidthLimitExceeded: 'THROTTLED',
  RequestLimitExceeded: 'THROTTLED',
  RequestThrottledException: 'THROTTLED',
  SlowDown: 'THROTTLED',
  Throttling: 'THROTTLED',
  ThrottlingException: 'THROTTLED',
  TooManyRequestsException: 'THROTTLED',

  DependencyTimeoutException: 'UNAVAILABLE',
  InternalFailure: 'UNAVAILABLE',
  InternalServerError: 'UNAVAILABLE',
  KeyUnavailableException: 'UNAVAILABLE',
  KMSInternalException: 'UNAVAILABLE',
  ServiceUnavailable: 'UNAVAILABLE',
  ServiceUnavailableException: 'UNAVAILABLE',
  TimeoutError: 'UNAVAILABLE', // the client waited in vain for a connection or an answer

  // What Node calls a network that fails.
  EAI_AGAIN: 'UNAVAILABLE',
  ECONNABORTED: 'UNAVAILABLE',
  ECONNREFUSED: 'UNAVAILABLE',
  ECONNRESET: 'UNAVAILABLE',
  EHOSTUNREACH: 'UNAVAILABLE',
  ENETUNREACH: 'UNAVAILABLE',
  ENOTFOUND: 'UNAVAILABLE',
  EPIPE: 'UNAVAILABLE',
  ETIMEDOUT: 'UNAVAILABLE',
}

/** What Node calls a server whose certificate it does not trust: that does not pass by itself. */
const untrusted = /^(CERT_|ERR_TLS_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$)/

/** Failures whose text tells people which right, key or state it is about. Others may repeat what was sent: a key, a token. */
const telling: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'NotFoundException',
  'DisabledException',
  'KMSInvalidStateException',
  'InvalidKeyUsageException',
  'UnsupportedOperationException',
])

/** What the client threw, as a KeyfoldError without a trace of the request: the client's own errors hold it whole. */
export function kmsError(what: string, error: unknown): KeyfoldError {
  const seen = readFailure(error)
  const { code, retryable, hint } = meaningOf(seen)
  const request = seen.requestId === undefined ? '' : `, request ${seen.requestId}`
  const message = `${what} failed with ${seen.name}${request}${hint}`
  return new KeyfoldError(code, message, { cause: causeOf(seen), retryable, retryAfterMs: seen.retryAfterMs })
}

interface Meaning {
  readonly code: ErrorCode
  /** Undefined: as the code is by itself. */
  readonly retryable?: false
  readonly hint: string
}

function meaningOf(seen: Failure): Meaning {
  if (!untrusted.test(seen.name)) return { code: codeOf(seen), hint: hints[seen.name] ?? '' }
  const hint = " (the server's certificate is not trusted; NODE_EXTRA_CA_CERTS names authorities beside Node's own)"
  return { code: 'UNAVAILABLE', retryable: false, hint }
}

const hints: Readonly<Record<string, string>> = {
  IncorrectKeyException: ' (where an alias was moved, name the key that it led to in formerKeys)',
  InvalidCiphertextException: ' (another context, another key or damage)',
}

/** The little of a client's error that may be told. */
interface Failure {
  readonly name: string
  readonly message: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  readonly retryAfterMs: number | undefined
}

function codeOf({ name, status }: Failure): ErrorCode {
  const code = Object.hasOwn(codes, name) ? codes[name] : undefined
  if (code !== undefined) return code
  if (status === undefined) return 'UNKNOWN'
  if (status === 429) return 'THROTTLED'
  if (status >= 500) return 'UNAVAILABLE'
  return status >= 200 && status < 300 ? 'TRANSPORT_CORRUPTION' : 'UNKNOWN' // an answer that says yes and cannot be read
}

function readFailure(error: unknown): Failure {
  const code = textOf(error, 'code')
  const name = textOf(error, 'name')
  const response = memberOf(error, '$response')
  const metadata = memberOf(error, '$metadata')
  const retryAfter = textOf(memberOf(response, 'headers'), 'retry-after')
  return {
    // Node tells a network's failures apart by code alone.
    name: code !== undefined && isNodeCode(code) ? code : shortened(name ?? typeof error),
    message: textOf(error, 'message') ?? '',
    status: numberOf(metadata, 'httpStatusCode') ?? numberOf(response, 'statusCode'),
    requestId: textOf(metadata, 'requestId')?.slice(0, 64),
    retryAfterMs: retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined,
  }
}

function isNodeCode(code: string): boolean {
  return Object.hasOwn(codes, code) || (untrusted.test(code) && /^[A-Z_]{1,64}$/.test(code))
}

/** A new error: the client's own hangs on the request, and so on the credentials, the data key and the answer. */
function causeOf({ name, message }: Failure): Error | undefined {
  if (!telling.has(name)) return undefined
  const cause = new Error(message)
  cause.name = name
  return cause
}

/** A name comes from the answer's body: whatever was sent may be in it. */
function shortened(name: string): string {
  return /^[A-Za-z]{1,64}$/.test(name) ? name : 'an error without a name'
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function textOf(value: unknown, key: string): string | undefined {
  const member = memberOf(value, key)
  return typeof member === 'string' ? member : undefined
}

function numberOf(value: unknown, key: string): number | undefined {
  const member = memberOf(value, key)
  return typeof member === 'number' ? member : undefined
}
