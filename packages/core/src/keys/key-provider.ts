import type { SecretBytes } from '../secret-bytes.ts'
import type { EncryptionContext } from '../wire/context.ts'
import type { EncryptedDataKey } from '../wire/header.ts'

/** What a data key is bound to where the service can bind it. */
export interface KeyContext {
  /** All pairs, withheld ones and the format's own included. Without a prototype, frozen. */
  readonly context: EncryptionContext
  /** The format's serialization of it: sorted, empty for no pairs. Not to be changed. */
  readonly contextBytes: Uint8Array
}

/** How a provider is called. */
export interface CallOptions {
  /** Aborted when the caller gave up or the call's time is over; always set. Pass it on to every request. */
  readonly signal: AbortSignal
}

/** A new data key and its sealed form. */
export interface GeneratedDataKey {
  readonly dataKey: SecretBytes
  readonly entry: EncryptedDataKey
}

/** Asks for a new data key. */
export interface GenerateRequest extends KeyContext {
  /** Length in bytes of the suite's data key: 16, 24 or 32. */
  readonly length: number
}

/** Asks for a data key's entry. */
export interface WrapRequest extends KeyContext {
  /** Neither to be kept nor to be altered. */
  readonly dataKey: SecretBytes
}

/** Asks for the data key in an entry. */
export interface UnwrapRequest extends KeyContext {
  readonly entry: EncryptedDataKey
  /** Length in bytes of the suite's data key. Core checks it. */
  readonly length: number
}

/** The words of {@link KeyConcern}. */
export const keyConcerns = ['plain-http', 'root-token', 'alias-moved', 'exposed-file'] as const

/**
 * What makes a key, or the way to it, less safe than it could be:
 *
 * - `plain-http`: the service is called without TLS, on another machine than this one
 * - `root-token`: the credentials in use may do everything, not only use the key
 * - `alias-moved`: the alias that names the key has led to another one before, whose messages it does not open
 * - `exposed-file`: others than its owner have rights to the file that holds the key
 */
export type KeyConcern = (typeof keyConcerns)[number]

/**
 * What a provider knows of its key's state. One may answer with more, under names of its own: plain data that JSON can hold,
 * never secret, and shown to whoever asks.
 */
export interface KeyHealth {
  readonly state: 'enabled' | 'disabled' | 'pending-deletion' | 'destroyed'
  /** The version that seals now, as the service names it. */
  readonly version?: string
  /** Whether the service rotates the key by itself, where it says so. */
  readonly rotation?: 'on' | 'off'
  /** What somebody should look at. Absent or empty where the provider has seen nothing, or cannot see it. */
  readonly concerns?: readonly KeyConcern[]
}

/**
 * One wrapping key: the small contract that every adapter implements. Everything else (order, deadlines, length checks,
 * caching, wiping) is core's, so an adapter holds the calls to its service and one table of its errors, and nothing more.
 * `@keyfold/core/conformance` has the cases that an implementation must pass; `raw/raw-aes.ts` shows it whole.
 *
 * - A capability that the key lacks is a method that is absent.
 * - `unwrapDataKey` is only given entries that `accepts` takes.
 * - A data key that is handed in is neither kept nor altered; one that is handed out belongs to core, which releases it.
 * - An entry that was handed out does not change any more.
 * - A call whose signal is aborted ends at once, with `ABORTED`, though its service be silent.
 * - An entry that was altered, its info too, opens to nothing else: it is refused with `AUTHENTICATION_FAILED`, or as a key
 *   that is missing, disabled or denied; or it opens to its own data key, where the info is but a hint.
 * - Failures are KeyfoldErrors; anything else counts as `UNKNOWN`. None holds key bytes.
 */
export interface KeyProvider {
  /** For logs and errors; never secret. */
  readonly name: string
  /** What stands in the provider id of its entries. */
  readonly providerId: string
  /** Whether the service authenticates the context with the data key. */
  readonly bindsContext: boolean
  /** False where whoever has a public key can wrap, and so forge messages. */
  readonly authenticatesWriter: boolean
  /** Whether this key may have sealed the entry, judged from the entry alone: no call, no exception. */
  accepts(entry: EncryptedDataKey): boolean
  /** Absent where core should draw the data key and call `wrapDataKey`. */
  generateDataKey?(request: GenerateRequest, options: CallOptions): Promise<GeneratedDataKey>
  /** Absent for a provider that only opens. */
  wrapDataKey?(request: WrapRequest, options: CallOptions): Promise<EncryptedDataKey>
  /** Absent for a provider that only seals. */
  unwrapDataKey?(request: UnwrapRequest, options: CallOptions): Promise<SecretBytes>
  /** Asks the service about the key. For whoever watches over keys: no message waits for it. */
  describe?(options: CallOptions): Promise<KeyHealth>
  /** Ends what the provider itself holds. Its owner calls it, and no envelope does. */
  close?(): Promise<void>
}
