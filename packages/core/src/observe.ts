import type { ErrorCode } from './errors.ts'

/** Which of a provider's calls an event is about. */
export type ProviderOperation = 'generateDataKey' | 'wrapDataKey' | 'unwrapDataKey'

/** What Keyfold tells about its work: a closed union, told apart by `type`. No event holds a key, plaintext or context. */
export type KeyfoldEvent =
  /** A new data key was made, by the provider itself or drawn here and wrapped by it. */
  | {
      readonly type: 'data-key-generated'
      readonly provider: string
      readonly providerId: string
      readonly durationMs: number
    }
  /** A further recipient's provider wrapped the data key. */
  | {
      readonly type: 'data-key-wrapped'
      readonly provider: string
      readonly providerId: string
      readonly durationMs: number
    }
  /** A provider unwrapped an entry, and the data key that it gave verified the header. */
  | {
      readonly type: 'data-key-unwrapped'
      readonly provider: string
      readonly providerId: string
      readonly durationMs: number
    }
  /** A provider's call failed, or the data key that it gave did not verify the header; another may still have succeeded. */
  | {
      readonly type: 'provider-failed'
      readonly provider: string
      readonly providerId: string
      readonly operation: ProviderOperation
      readonly code: ErrorCode
      readonly durationMs: number
    }
  /** Another provider opened the message before this one answered, and its call was aborted: is its service well? */
  | {
      readonly type: 'provider-overtaken'
      readonly provider: string
      readonly providerId: string
      readonly operation: 'unwrapDataKey'
      readonly durationMs: number
    }
  /** A message was sealed without an entry for this provider, which cannot wrap or failed and was not required. */
  | {
      readonly type: 'recipient-missing'
      readonly provider: string
      readonly providerId: string
      readonly code: ErrorCode
    }
  /** A data key came from the cache, so that no provider was called. */
  | {
      readonly type: 'data-key-reused'
      readonly direction: 'seal' | 'open'
    }
  /** A whole message was sealed. */
  | {
      readonly type: 'message-sealed'
      readonly suite: number
      readonly signed: boolean
      readonly plaintextBytes: number
      readonly messageBytes: number
      /** From the call, or a stream's start, to its last byte. */
      readonly durationMs: number
    }
  /** A whole message was opened and verified. */
  | {
      readonly type: 'message-opened'
      readonly suite: number
      readonly signed: boolean
      readonly plaintextBytes: number
      readonly messageBytes: number
      /** From the call, or a stream's start, to its last byte. */
      readonly durationMs: number
      readonly provider: string
      readonly providerId: string
    }

/** Called synchronously with each event. What it throws is dropped: watching must not change what is watched. */
export type Observer = (event: KeyfoldEvent) => void

/** Tells the observer, if there is one. The event is only made when somebody listens. */
export function tell(observer: Observer | undefined, event: () => KeyfoldEvent): void {
  if (observer === undefined) return
  try {
    const result: unknown = observer(event())
    if (result instanceof Promise) result.catch(() => undefined)
  } catch {
    // See Observer: a failing listener is the listener's matter.
  }
}
