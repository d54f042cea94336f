import type { PipelinePolicy, PipelineResponse, RetryStrategy } from '@azure/core-rest-pipeline'
import { demandOptions, KeyfoldError, optionNames } from '@keyfold/core'
import { outOfReach, parseRetryAfter, tryTimedOut } from './key-vault-errors.ts'

/** When a request has failed, how often it is repeated, and after how long; all within the deadline of the call. */
export interface RetryOptions {
  /** Repetitions at most; 4. None with 0. */
  readonly maxRetries?: number
  /** The first wait is half of this or more, each later one twice as long; 500. */
  readonly delayMs?: number
  /** No wait is longer. Where the service asks for more, the call fails at once and says so; 4000. */
  readonly maxDelayMs?: number
  /**
   * For each request, from its connection to the end of its answer, after which it is repeated on a new connection; 4000. No
   * limit with 0. A request for which a policy of `clientOptions` set a `timeout` has that one.
   */
  readonly tryTimeoutMs?: number
}

const knownTerms = optionNames<RetryOptions>({ maxRetries: true, delayMs: true, maxDelayMs: true, tryTimeoutMs: true })

/** @throws KeyfoldError `INVALID_ARGUMENT`: the client would repeat for ever under a NaN, or not at all */
export function demandRetryOptions(terms: RetryOptions): void {
  demandOptions('keyVault: retry', terms, knownTerms)
  const { maxRetries = 0, ...milliseconds } = terms
  if (!(Number.isInteger(maxRetries) && maxRetries >= 0)) throw invalid('maxRetries: expected an integer, 0 or more')
  for (const [name, value = 0] of Object.entries(milliseconds)) {
    if (!(typeof value === 'number' && value >= 0)) throw invalid(`${name}: expected milliseconds, 0 or more`)
  }
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `keyVault: retry: ${message}`)
}

/**
 * The client's own retry policy under rules that know Key Vault: by itself it never repeats a throttled request that has no
 * `Retry-After`, as Key Vault's have not, and waits for any `Retry-After`, even beyond the deadline.
 */
export async function retryPolicyFor(terms: RetryOptions): Promise<PipelinePolicy> {
  const { retryPolicy } = await import('@azure/core-rest-pipeline')
  const { maxRetries = 4, delayMs = 500, maxDelayMs = 4000 } = terms
  return retryPolicy([keyVaultStrategy(delayMs, Math.min(maxDelayMs, longestTimerMs))], { maxRetries })
}

/**
 * Ends a request on which nothing comes, or nothing more, as on a connection that died unnoticed; the client by itself waits
 * without end. Inside of authentication, which would hand the limit on to the credential's own requests.
 */
export async function tryPolicyFor({ tryTimeoutMs = 4000 }: RetryOptions): Promise<PipelinePolicy> {
  const { RestError } = await import('@azure/core-rest-pipeline')
  return {
    name: 'keyfoldTry',
    async sendRequest(request, next) {
      const { timeout } = request
      const limitMs = timeout > 0 ? timeout : Math.min(tryTimeoutMs, longestTimerMs)
      request.timeout = limitMs
      try {
        return await next(request)
      } catch (error) {
        // The client says "aborted" of either: its own time limit, and the caller who left.
        const timedOut = limitMs > 0 && !request.abortSignal?.aborted && isAbort(error)
        throw timedOut ? new RestError(`no answer within ${limitMs} ms`, { code: tryTimedOut }) : error
      } finally {
        request.timeout = timeout
      }
    },
  }
}

/** Node's timers fire at once where more is asked, such as Infinity. */
const longestTimerMs = 2 ** 31 - 1

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** When to come again. */
export function keyVaultStrategy(delayMs: number, maxDelayMs: number): RetryStrategy {
  return {
    name: 'keyfold',
    retry({ retryCount, response, responseError }) {
      if (responseError !== undefined && !unreachable.has(responseError.code ?? ''))
        return { errorToThrow: responseError }
      if (responseError === undefined && !transient.has(response?.status ?? 0)) return { skipStrategy: true }
      const wait = askedFor(response) ?? backOff(retryCount, delayMs, maxDelayMs)
      if (wait <= maxDelayMs) return { retryAfterInMs: wait }
      return responseError === undefined ? { skipStrategy: true } : { errorToThrow: responseError }
    },
  }
}

const transient: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])
const unreachable: ReadonlySet<string> = new Set([...outOfReach, tryTimedOut])

function askedFor(response: PipelineResponse | undefined): number | undefined {
  return response && parseRetryAfter((name) => response.headers.get(name))
}

/** With jitter, so that clients that were throttled together do not come again together. */
function backOff(retryCount: number, delayMs: number, maxDelayMs: number): number {
  const longest = Math.min(maxDelayMs, delayMs * 2 ** retryCount)
  return longest / 2 + (Math.random() * longest) / 2
}
