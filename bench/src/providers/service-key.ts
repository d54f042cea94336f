import type { KeyProvider } from '@keyfold/core'

/** One key of a service that runs on this machine, as Keyfold uses it and as its bare client does. */
export interface ServiceKey extends AsyncDisposable {
  readonly keys: KeyProvider
  readonly bare: BareClient
  /** The same key on a way on which requests are counted, which may be a slower one. */
  readonly counted: { readonly keys: KeyProvider; requests(): number }
}

/** What one would write with the service's own client: the same operations, on the same key, with the same context bound. */
export interface BareClient {
  wrap(dataKey: Uint8Array): Promise<Uint8Array>
  unwrap(ciphertext: Uint8Array): Promise<Uint8Array>
}

/** A row of the tables. */
export interface ServiceKeyRow {
  readonly name: string
  start(): Promise<ServiceKey>
}
