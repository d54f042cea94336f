import type { KeyProvider } from '../keys/key-provider.ts'
import { named } from '../keys/provider-call.ts'
import { type KeyfoldEvent, tell } from '../observe.ts'
import type { Suite } from '../suite/table.ts'
import type { EnvelopeConfig } from './envelope-options.ts'

/** A message that was sealed or opened to its end. */
interface WholeMessage {
  readonly suite: Suite
  readonly plaintextBytes: number
  readonly messageBytes: number
  /** See `startOf`. */
  readonly startedAt: number | undefined
}

export function tellSealed(config: EnvelopeConfig, message: WholeMessage): void {
  tell(config.observe, () => ({ type: 'message-sealed', ...summaryOf(config, message) }))
}

/** @param provider who opened it */
export function tellOpened(config: EnvelopeConfig, provider: KeyProvider, message: WholeMessage): void {
  tell(config.observe, () => ({ type: 'message-opened', ...summaryOf(config, message), ...named(provider) }))
}

function summaryOf(
  { clock }: EnvelopeConfig,
  { suite, plaintextBytes, messageBytes, startedAt }: WholeMessage,
): Omit<Extract<KeyfoldEvent, { type: 'message-sealed' }>, 'type'> {
  const durationMs = clock.monotonic() - (startedAt ?? 0)
  return { suite: suite.id, signed: suite.signature !== undefined, plaintextBytes, messageBytes, durationMs }
}
