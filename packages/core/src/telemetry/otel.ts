/**
 * Traces and metrics of an envelope, through the OpenTelemetry API: an {@link Observer} and nothing more. Needs
 * `@opentelemetry/api`; without a registered SDK that does next to nothing, and so does this.
 *
 * @module
 */
import {
  type Attributes,
  type Meter,
  type MeterProvider,
  metrics,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { demandOptions, optionNames } from '../demand-options.ts'
import type { ErrorCode } from '../errors.ts'
import type { KeyfoldEvent, Observer, ProviderOperation } from '../observe.ts'
import { formatSuiteId } from '../suite/table.ts'
import { type Instruments, instrumentsOf } from './instruments.ts'
import { preciseTimeOfDay } from './time-of-day.ts'

/** Options of {@link otelObserver}. */
export interface OtelObserverOptions {
  /** By default the one that the registered SDK has for `@keyfold/core`; an SDK may be registered later. */
  readonly tracer?: Tracer | undefined
  /** Likewise. */
  readonly meter?: Meter | undefined
}

const scope = '@keyfold/core'

const observerOptions = optionNames<OtelObserverOptions>({ tracer: true, meter: true })

/**
 * An observer that makes a span of every call to a provider and of every message sealed or opened, child of the span that is
 * active where the envelope was called, and records metrics. All names are in docs/telemetry.md. No key, plaintext,
 * ciphertext or context is in either.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for options that are unknown
 *
 * @example
 * ```ts
 * import { createEnvelope } from '@keyfold/core'
 * import { otelObserver } from '@keyfold/core/otel'
 * import { memoryKeys } from '@keyfold/core/testing'
 *
 * const envelope = createEnvelope({ keys: memoryKeys(), observe: otelObserver() })
 * const sealed = await envelope.encrypt(new Uint8Array(10)) // two spans, where an SDK is registered
 * console.log(sealed.length > 10) // true
 * ```
 */
export function otelObserver(options: OtelObserverOptions = {}): Observer {
  demandOptions('otelObserver', options, observerOptions)
  const tracer = options.tracer ?? trace.getTracer(scope)
  const instruments = options.meter === undefined ? globalInstruments() : always(instrumentsOf(options.meter))
  const now = preciseTimeOfDay()
  return (event) => tell(event, { tracer, instruments: instruments(), endedAt: now() })
}

/**
 * A tracer from the API finds the SDK that is registered later; a meter does not, and does nothing for ever. So the meter is
 * asked for again when there is another provider.
 */
function globalInstruments(): () => Instruments {
  let known: { readonly provider: MeterProvider; readonly instruments: Instruments } | undefined
  return () => {
    const provider = metrics.getMeterProvider()
    if (known?.provider !== provider) known = { provider, instruments: instrumentsOf(provider.getMeter(scope)) }
    return known.instruments
  }
}

function always<T>(value: T): () => T {
  return () => value
}

/** Whom an event is told, and when it came. */
interface Telling {
  readonly tracer: Tracer
  readonly instruments: Instruments
  /** In milliseconds since the Unix epoch. */
  readonly endedAt: number
}

function tell(event: KeyfoldEvent, telling: Telling): void {
  const { instruments } = telling
  switch (event.type) {
    case 'data-key-generated':
      tellCall('generateDataKey', event, telling)
      break
    case 'data-key-wrapped':
      tellCall('wrapDataKey', event, telling)
      break
    case 'data-key-unwrapped':
      tellCall('unwrapDataKey', event, telling)
      break
    case 'provider-failed':
      tellCall(event.operation, event, telling)
      break
    case 'provider-overtaken':
      tellCall(event.operation, { ...event, code: 'ABORTED' }, telling)
      break
    case 'message-sealed':
    case 'message-opened':
      tellMessage(event, telling)
      break
    case 'recipient-missing':
      instruments.missingRecipients.add(1, { ...attributesOfProvider(event), 'error.type': event.code })
      break
    case 'data-key-reused':
      instruments.reusedDataKeys.add(1, { 'keyfold.direction': event.direction })
      break
    default:
      event satisfies never
  }
}

/** A call that ended, well or with a code. */
interface CallEvent {
  readonly provider: string
  readonly providerId: string
  readonly durationMs: number
  readonly code?: ErrorCode
}

function tellCall(operation: ProviderOperation, event: CallEvent, telling: Telling): void {
  const { durationMs, code } = event
  const error = code === undefined ? undefined : { 'error.type': code }
  const attributes = { 'keyfold.operation.name': operation, ...attributesOfProvider(event), ...error }
  telling.instruments.callDuration.record(durationMs / 1000, attributes)
  recordSpan(telling, {
    name: callNames[operation],
    kind: SpanKind.CLIENT,
    durationMs,
    attributes,
    failed: error !== undefined,
  })
}

const callNames: Readonly<Record<ProviderOperation, string>> = {
  generateDataKey: 'generate data key',
  wrapDataKey: 'wrap data key',
  unwrapDataKey: 'unwrap data key',
}

function attributesOfProvider(event: { readonly provider: string; readonly providerId: string }): Attributes {
  return { 'keyfold.provider.name': event.provider, 'keyfold.provider.id': event.providerId }
}

type MessageEvent = Extract<KeyfoldEvent, { readonly messageBytes: number }>

function tellMessage(event: MessageEvent, telling: Telling): void {
  const { instruments } = telling
  const { type, suite, signed, durationMs, plaintextBytes, messageBytes } = event
  // Few values each: a metric keeps a series for every combination of its attributes.
  const attributes = {
    'keyfold.direction': type === 'message-sealed' ? 'seal' : 'open',
    'keyfold.suite': formatSuiteId(suite),
    'keyfold.signed': signed,
  }
  instruments.messageDuration.record(durationMs / 1000, attributes)
  instruments.plaintextBytes.add(plaintextBytes, attributes)
  instruments.messageBytes.add(messageBytes, attributes)

  const sizes = { 'keyfold.plaintext.size': plaintextBytes, 'keyfold.message.size': messageBytes }
  const opener = type === 'message-opened' ? attributesOfProvider(event) : undefined
  recordSpan(telling, {
    name: type === 'message-sealed' ? 'seal message' : 'open message',
    kind: SpanKind.INTERNAL,
    durationMs,
    attributes: { ...attributes, ...opener, ...sizes },
    failed: false,
  })
}

/** A span that is over when it is told of. */
interface EndedSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly durationMs: number
  readonly attributes: Attributes
  readonly failed: boolean
}

function recordSpan({ tracer, endedAt }: Telling, { name, kind, durationMs, attributes, failed }: EndedSpan): void {
  const span = tracer.startSpan(name, { kind, attributes, startTime: endedAt - durationMs })
  // Without a description: an error's text is for whoever handles it.
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(endedAt)
}
