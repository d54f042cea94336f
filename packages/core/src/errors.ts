/**
 * Every way in which Keyfold fails, as a closed union: programs branch on these, people read the message.
 * Missing, denied, throttled and unreachable are always four different codes, and nothing is ever caught into "absent".
 * Cause and remedy of each are in docs/errors.md.
 */
export const errorCodes = [
  'INVALID_ARGUMENT',
  'MALFORMED_MESSAGE',
  'UNSUPPORTED',
  'POLICY_VIOLATION',
  'LIMIT_EXCEEDED',
  'CONTEXT_MISMATCH',
  'AUTHENTICATION_FAILED',
  'NO_USABLE_KEY',
  'KEY_NOT_FOUND',
  'KEY_DISABLED',
  'SECRET_NOT_FOUND',
  'SECRET_DISABLED',
  'SECRET_INVALID',
  'ACCESS_DENIED',
  'UNAUTHENTICATED',
  'THROTTLED',
  'UNAVAILABLE',
  'TIMEOUT',
  'ABORTED',
  'TRANSPORT_CORRUPTION',
  'LEASE_EXPIRED',
  'CONFLICT',
  'UNKNOWN',
] as const

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number]

/** One provider's failed try, as listed in {@link KeyfoldError.attempts}. Holds no secret. */
export interface Attempt {
  /** The provider's `name`. */
  readonly provider: string
  readonly providerId: string
  readonly code: ErrorCode
  readonly message: string
  readonly error: KeyfoldError
}

/** What may be said of an error beyond its code and text. */
export interface KeyfoldErrorOptions {
  /** What led to this error. Never an object that holds a key, plaintext, a token or a whole URI. */
  readonly cause?: unknown
  /** Whether the same call may succeed later. By default it follows from the code. */
  readonly retryable?: boolean | undefined
  /** How long to wait before trying again, in milliseconds, where the service said so. */
  readonly retryAfterMs?: number | undefined
  readonly attempts?: readonly Attempt[] | undefined
}

/** A registered symbol, so that errors of two copies of this package recognise each other. */
const brand = Symbol.for('@keyfold/core.KeyfoldError')

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['THROTTLED', 'UNAVAILABLE', 'TIMEOUT', 'TRANSPORT_CORRUPTION'])

/**
 * The one error that Keyfold throws. No key, plaintext, token or whole URI is ever in its message, properties or cause.
 *
 * @example
 * ```ts
 * import { KeyfoldError } from '@keyfold/core'
 *
 * const error: unknown = new KeyfoldError('THROTTLED', 'too many requests', { retryAfterMs: 200 })
 * if (KeyfoldError.is(error) && error.retryable) console.log(error.code, error.retryAfterMs) // THROTTLED 200
 * ```
 */
export class KeyfoldError extends Error {
  static {
    this.prototype.name = 'KeyfoldError'
    Object.defineProperty(this.prototype, brand, { value: true })
  }

  readonly code: ErrorCode
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** How long to wait before trying again, in milliseconds; undefined where the service did not say. */
  readonly retryAfterMs: number | undefined
  /** The tries that failed, in order, where more than one was made; otherwise empty. */
  readonly attempts: readonly Attempt[]

  constructor(code: ErrorCode, message: string, options: KeyfoldErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.attempts = options.attempts ?? []
    this.retryable = options.retryable ?? (retryableCodes.has(code) || this.attempts.some((a) => a.error.retryable))
    this.retryAfterMs = options.retryAfterMs
  }

  /** Whether `value` is a KeyfoldError, of this copy of the package or another. */
  static is(value: unknown): value is KeyfoldError {
    return typeof value === 'object' && value !== null && brand in value && 'code' in value
  }
}

/**
 * The error for the failed tries of several providers: the one try's own error where there was one, otherwise
 * `NO_USABLE_KEY` (or the code that all tries share) with every try listed as a row of its message.
 */
export function errorOfAttempts(what: string, attempts: readonly Attempt[]): KeyfoldError {
  const [first] = attempts
  if (first === undefined) return new KeyfoldError('NO_USABLE_KEY', what)
  if (attempts.length === 1) return first.error
  const code = attempts.every((attempt) => attempt.code === first.code) ? first.code : 'NO_USABLE_KEY'
  const delays = attempts.flatMap(({ error }) => error.retryAfterMs ?? [])
  const retryAfterMs = delays.length === 0 ? undefined : delays.reduce((a, b) => Math.min(a, b))
  return new KeyfoldError(code, `${what}\n${table(attempts)}`, { attempts, retryAfterMs })
}

/** A hostile header may make many tries of few bytes. */
const maxRows = 16

function table(attempts: readonly Attempt[]): string {
  const shown = attempts.slice(0, maxRows)
  const widest = (of: (attempt: Attempt) => string): number => Math.max(...shown.map((a) => of(a).length))
  const provider = widest((a) => a.provider)
  const providerId = widest((a) => a.providerId)
  const code = widest((a) => a.code)
  const rows = shown
    .map(
      (a) =>
        `  ${a.provider.padEnd(provider)}  ${a.providerId.padEnd(providerId)}  ${a.code.padEnd(code)}  ${a.message}`,
    )
    .join('\n')
  return attempts.length > maxRows ? `${rows}\n  and ${attempts.length - maxRows} more` : rows
}

/** @throws KeyfoldError `ABORTED` */
export function demandNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal)
}

/** What whoever gave up is told. */
export function abortedError(signal: AbortSignal | undefined): KeyfoldError {
  return new KeyfoldError('ABORTED', 'the caller aborted the call', { cause: signal?.reason })
}
