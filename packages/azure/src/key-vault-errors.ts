import { abortedBy, type ErrorCode, KeyfoldError } from '@keyfold/core'
import type { Answer } from './key-vault-answer.ts'

/** What was asked of the service when it failed. */
export type Operation = 'wrap' | 'unwrap' | 'describe'

/** What is known of a failure. Nothing else of it is read: a client's error holds the request, with token and data key. */
interface Symptoms {
  readonly operation: Operation
  readonly name: string
  readonly status: number | undefined
  readonly code: string | undefined
  readonly inner: string | undefined
  readonly requestId: string | undefined
  /** Only for the client's own complaints about a challenge. */
  readonly challenge: boolean
}

/** The code of a request that our own time limit ended; the client has none for it. */
export const tryTimedOut = 'TRY_TIMEOUT'

/** The codes of a connection that was not to be had, or broke off: such a request is worth another try. */
export const outOfReach = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'REQUEST_SEND_ERROR',
] as const

/** One row: what must hold of a failure, and what it means. */
interface Row {
  readonly when: { readonly [Field in keyof Symptoms]?: Symptoms[Field] | readonly Symptoms[Field][] }
  readonly code: ErrorCode
  readonly says: string
  readonly retryable?: false
}

/** The first row that fits holds. What fits none is UNKNOWN, and not tried again. */
const rows: readonly Row[] = [
  {
    when: { inner: ['KeyDisabled', 'KeyExpired', 'KeyNotYetValid'] },
    code: 'KEY_DISABLED',
    says: 'the key is disabled or out of its time',
  },
  {
    when: { inner: ['ObjectIsBeingDeleted', 'ObjectIsDeletedButRecoverable'] },
    code: 'KEY_DISABLED',
    says: 'the key is deleted',
  },
  {
    when: { inner: 'KeyOperationForbidden' },
    code: 'ACCESS_DENIED',
    says: "the key's permitted operations lack this one",
  },
  { when: { inner: 'ForbiddenByFirewall' }, code: 'ACCESS_DENIED', says: "the vault's firewall refuses this address" },
  { when: { status: 403 }, code: 'ACCESS_DENIED', says: 'access is denied' },
  {
    when: { status: 400, code: 'BadParameter', operation: 'unwrap' },
    code: 'AUTHENTICATION_FAILED',
    says: 'the entry does not open',
  },
  {
    when: { status: 400, code: 'BadParameter' },
    code: 'INVALID_ARGUMENT',
    says: 'a parameter is refused: does the algorithm fit the key?',
  },
  { when: { status: 400, code: 'NotSupported' }, code: 'UNSUPPORTED', says: 'the service does not do this' },
  { when: { status: 401 }, code: 'UNAUTHENTICATED', says: 'the token is refused' },
  { when: { status: 404, code: 'KeyNotFound' }, code: 'KEY_NOT_FOUND', says: 'there is no such key or version' },
  { when: { status: 408 }, code: 'TIMEOUT', says: 'the service gave up waiting' },
  { when: { code: tryTimedOut }, code: 'TIMEOUT', says: 'no answer came in time' },
  { when: { status: 429 }, code: 'THROTTLED', says: 'too many requests' },
  { when: { status: [500, 502, 503, 504] }, code: 'UNAVAILABLE', says: 'the service is unavailable' },
  { when: { code: outOfReach }, code: 'UNAVAILABLE', says: 'the service is out of reach' },
  {
    when: {
      code: [
        'CERT_HAS_EXPIRED',
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        'SELF_SIGNED_CERT_IN_CHAIN',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'ERR_TLS_CERT_ALTNAME_INVALID',
      ],
    },
    code: 'UNAVAILABLE',
    says: "the server's certificate is not trusted",
    retryable: false,
  },
  { when: { code: 'PARSE_ERROR' }, code: 'TRANSPORT_CORRUPTION', says: 'the answer is damaged' },
  { when: { challenge: true }, code: 'UNAUTHENTICATED', says: 'the challenge names another domain than the one asked' },
  {
    when: {
      name: [
        'AuthenticationError',
        'AggregateAuthenticationError',
        'AuthenticationRequiredError',
        'CredentialUnavailableError',
      ],
    },
    code: 'UNAUTHENTICATED',
    says: 'the credential gives no token',
  },
]

/** What else is known of the call that failed. */
export interface Circumstances {
  readonly signal: AbortSignal
  readonly answer: Answer
}

/** The KeyfoldError that a failure of the client means. */
export function keyVaultError(
  error: unknown,
  keyName: string,
  operation: Operation,
  { signal, answer }: Circumstances,
): KeyfoldError {
  if (KeyfoldError.is(error)) return error
  if (signal.aborted) return abortedBy(signal)
  const symptoms = symptomsOf(error, operation, answer)
  const row = rows.find(({ when }) => fits(when, symptoms))
  const says = row?.says ?? 'the client failed in a way that is not known'
  const { operation: _, challenge: __, ...seen } = symptoms
  const told = [symptoms.status, symptoms.code, symptoms.inner, symptoms.requestId && `request ${symptoms.requestId}`]
  const details = told.filter(Boolean).join(', ') || symptoms.name
  return new KeyfoldError(row?.code ?? 'UNKNOWN', `${keyName}: ${operation}: ${says} (${details})`, {
    cause: Object.freeze(seen),
    retryable: row?.retryable,
    retryAfterMs: parseRetryAfter((header) => answer.header(header)),
  })
}

function fits(when: Row['when'], symptoms: Symptoms): boolean {
  return Object.entries(when).every(([name, wanted]) => {
    const seen = field(symptoms, name)
    return Array.isArray(wanted) ? wanted.includes(seen) : wanted === seen
  })
}

function symptomsOf(error: unknown, operation: Operation, answer: Answer): Symptoms {
  const status = field(error, 'statusCode') ?? answer.refusedWith
  const details = field(field(error, 'details'), 'error')
  const message = error instanceof Error ? error.message : ''
  return {
    operation,
    name: error instanceof Error ? (token(error.name) ?? 'Error') : typeof error,
    status: typeof status === 'number' ? status : undefined,
    code: token(field(error, 'code')),
    inner: token(field(field(details, 'innerError') ?? field(details, 'innererror'), 'code')),
    requestId: token(answer.header('x-ms-request-id')),
    challenge: /^The challenge (resource|origin|contains)/.test(message),
  }
}

/** A code, as far as it looks like one: a text of the service's might repeat what it was sent. */
function token(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined
}

/** Reads the headers in which Azure's services say when to come again. */
export function parseRetryAfter(header: (name: string) => string | undefined): number | undefined {
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = Number.parseInt(header(name) ?? '', 10)
    if (ms >= 0) return ms
  }
  const value = header('retry-after')
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
