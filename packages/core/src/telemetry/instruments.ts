import type { Counter, Histogram, Meter } from '@opentelemetry/api'

/** What is measured; docs/telemetry.md says of what. */
export interface Instruments {
  readonly callDuration: Histogram
  readonly messageDuration: Histogram
  readonly plaintextBytes: Counter
  readonly messageBytes: Counter
  readonly missingRecipients: Counter
  readonly reusedDataKeys: Counter
}

/** In seconds. From a small message under a key of this process to a call that times out; the SDK's default is made for milliseconds. */
const explicitBucketBoundaries = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/** Named by OpenTelemetry's rules for metrics: no unit in a name, no plural, units in UCUM. */
export function instrumentsOf(meter: Meter): Instruments {
  const duration = (name: string, description: string): Histogram =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries } })
  const counter = (name: string, description: string, unit: string): Counter =>
    meter.createCounter(name, { description, unit })
  return {
    callDuration: duration('keyfold.provider.operation.duration', 'Duration of calls to key providers.'),
    messageDuration: duration('keyfold.message.duration', 'Duration of sealing or opening a message.'),
    plaintextBytes: counter('keyfold.plaintext.io', 'Plaintext that was sealed or opened.', 'By'),
    messageBytes: counter('keyfold.message.io', 'Messages that were sealed or opened.', 'By'),
    missingRecipients: counter(
      'keyfold.recipient.missing',
      'Recipients that a sealed message lacks an entry for.',
      '{recipient}',
    ),
    reusedDataKeys: counter('keyfold.data_key.reused', 'Data keys that came from the cache.', '{data_key}'),
  }
}
