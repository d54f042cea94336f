import type { CryptographyOptions } from '@azure/keyvault-keys'

/** What is read of an answer beside what the client makes of it. */
interface RawAnswer {
  readonly status: number
  readonly bodyAsText?: string | null
  readonly headers: { get(name: string): string | undefined }
}

/**
 * Listens to one call, for the client keeps two things to itself: the version that the service used (it names the one that it
 * was made for), and the status of a refusal without a body of JSON, as gateways give (it then fails in its own code).
 */
export class Answer {
  #raw: RawAnswer | undefined

  /** Options of the call. */
  options(signal: AbortSignal): CryptographyOptions & { readonly abortSignal: AbortSignal } {
    return {
      abortSignal: signal,
      onResponse: (raw) => {
        this.#raw = raw
      },
    }
  }

  /** The identifier of the key in the body. */
  kid(): string | undefined {
    const body: unknown = JSON.parse(this.#raw?.bodyAsText ?? '{}')
    const kid: unknown = Object(body).kid
    return typeof kid === 'string' ? kid : undefined
  }

  /** The status of a refusal; undefined where there was none. */
  get refusedWith(): number | undefined {
    const status = this.#raw?.status
    return status !== undefined && status >= 400 ? status : undefined
  }

  header(name: string): string | undefined {
    return this.#raw?.headers.get(name)
  }
}
