import { type ErrorCode, KeyfoldError } from '@keyfold/core'
import { isRecord } from './transit-answers.ts'

/** An answer of the service that is a failure. */
interface Row {
  readonly status: readonly number[]
  /** Where a status stands for several things, what one of the answer's errors says. */
  readonly text?: RegExp
  readonly code: ErrorCode
  readonly says: string
  readonly retryable?: boolean
}

/**
 * Every failure of the service that means something; the first row that fits counts, and what fits none is `UNKNOWN` and not
 * retried. The service's own text is matched and never shown: what it repeats of a request is not known.
 *
 * Source: answers of OpenBao 2.7.2. `invalid token` is HashiCorp Vault's, as its users report it.
 */
const rows: readonly Row[] = [
  {
    status: [400],
    text: /message authentication failed/,
    code: 'AUTHENTICATION_FAILED',
    says: 'the entry does not open under this key and context',
  },
  { status: [400], text: /version is too new/, code: 'KEY_NOT_FOUND', says: "the key lacks the entry's version" },
  {
    status: [400],
    text: /disallowed by policy \(too old\)/,
    code: 'KEY_DISABLED',
    says: "the entry's version is below the key's min_decryption_version",
  },
  {
    status: [400],
    text: /invalid ciphertext/,
    code: 'AUTHENTICATION_FAILED',
    says: 'the entry is no ciphertext of Transit',
  },
  { status: [400], text: /soft-deleted key/, code: 'KEY_DISABLED', says: 'the key is soft-deleted' },
  { status: [400], text: /encryption key not found/, code: 'KEY_NOT_FOUND', says: 'there is no such key' },
  {
    status: [400],
    text: /missing 'context'/,
    code: 'INVALID_ARGUMENT',
    says: 'the key is derived and was not when it was read',
  },
  {
    status: [400, 401, 403],
    text: /missing client token|invalid token|^permission denied$/,
    code: 'UNAUTHENTICATED',
    says: 'the token is refused: it is missing, wrong, or has expired',
  },
  { status: [401], code: 'UNAUTHENTICATED', says: 'the token is refused' },
  { status: [403], code: 'ACCESS_DENIED', says: "the token's policies do not allow it" },
  { status: [404], code: 'KEY_NOT_FOUND', says: 'there is no such key, or no engine at the mount' },
  { status: [412], code: 'UNAVAILABLE', says: 'the node has not caught up with its cluster' },
  { status: [429], code: 'THROTTLED', says: 'too many requests' },
  { status: [500], text: /local node not active/, code: 'UNAVAILABLE', says: 'no node is active yet' },
  // Any other 500 of decrypt may be a refusal too: it is not tried again.
  {
    status: [500],
    text: /crypto\/rsa: decryption error/,
    code: 'AUTHENTICATION_FAILED',
    says: 'the entry does not open under this key',
  },
  { status: [502, 503, 504], code: 'UNAVAILABLE', says: 'the service is sealed or down' },
  {
    status: [301, 302, 303, 307, 308],
    code: 'UNAVAILABLE',
    says: 'the server redirects, which is not followed: name the active node, or a balancer',
    retryable: false,
  },
]

/** Failures without an answer, by what Node calls them. */
const unreachable = /^(E(CONN|HOST|NET|AI_|PIPE|TIMEDOUT|NOTFOUND|ADDR)|ERR_(NETWORK|SOCKET)|UND_ERR_)/
const untrusted = /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH)/

/**
 * What a failed request comes to, without anything of the error itself: a client's error holds the request, and with it
 * token and data key.
 *
 * @param what whose request it was, and for what
 */
export function failureOf(what: string, error: unknown, retryAfterMs: number | undefined): KeyfoldError {
  if (KeyfoldError.is(error)) {
    const { code, message, retryable, retryAfterMs: own } = error
    return new KeyfoldError(code, `${what}: ${message}`, { retryable, retryAfterMs: own })
  }
  const response = isRecord(error) ? error['response'] : undefined
  if (isRecord(response)) return ofAnswer(what, response, retryAfterMs)
  const code = isRecord(error) && typeof error['code'] === 'string' ? error['code'] : ''
  if (untrusted.test(code)) {
    const message = `${what}: the server's certificate or TLS is refused (${code})`
    return new KeyfoldError('UNAVAILABLE', message, { retryable: false })
  }
  if (unreachable.test(code)) return new KeyfoldError('UNAVAILABLE', `${what}: no answer (${code})`)
  // Node's parser: what came was no HTTP.
  if (code.startsWith('HPE_')) return new KeyfoldError('TRANSPORT_CORRUPTION', `${what}: the answer is no HTTP`)
  const kind = error instanceof Error ? error.name : typeof error
  return new KeyfoldError('UNKNOWN', `${what}: failed with a ${/^\w+$/.test(code) ? code : kind}`)
}

function ofAnswer(
  what: string,
  response: Readonly<Record<string, unknown>>,
  retryAfterMs: number | undefined,
): KeyfoldError {
  // node-vault's own name, and axios's.
  const status = Number(response['statusCode'] ?? response['status'])
  const texts = textsOf(response['body'] ?? response['data'])
  const row = rows.find(
    (each) => each.status.includes(status) && (each.text === undefined || texts.some((text) => each.text?.test(text))),
  )
  if (row === undefined) return new KeyfoldError('UNKNOWN', `${what}: the service answers ${status}`)
  const { code, says, retryable } = row
  return new KeyfoldError(code, `${what}: ${says} (${status})`, { retryable, retryAfterMs })
}

function textsOf(body: unknown): readonly string[] {
  const errors = isRecord(body) ? body['errors'] : undefined
  return Array.isArray(errors) ? errors.filter((text) => typeof text === 'string') : []
}
