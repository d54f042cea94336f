/** An answer in proto3 JSON, as `README.md` beside the recordings describes it. */
export interface RecordedExchange {
  readonly request: {
    readonly method: string
    readonly url?: string
    readonly path?: string
    readonly operation?: string
    readonly body?: JsonObject
  }
  readonly response: {
    readonly code?: number
    readonly status?: number
    readonly body?: JsonObject
    readonly error?: RecordedError
    readonly bodyNotRecorded?: true
  }
}

export interface RecordedError {
  /** Of gRPC in gRPC, of HTTP in REST. */
  readonly code: number
  readonly status: string
  readonly message: string
  readonly details?: readonly JsonObject[]
}

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Two answers with what must differ taken out: times, random bytes and their checksums. Labels keep their names alone,
 * for the bodies that changed their values were not recorded.
 */
export function comparable(value: unknown, field = ''): unknown {
  if (field.endsWith('Time')) return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(value)) ? 'a time' : value
  if (field === 'ciphertext') return 'bytes'
  if (field === 'ciphertextCrc32c') return /^\d+$/.test(String(value)) ? 'a checksum' : value
  if (field === 'labels') return Object.keys(value as object).sort() // an object in every recording
  if (Array.isArray(value)) return value.map((one) => comparable(one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, comparable(one, name)]))
}
