/* The real OpenTelemetry SDK, exporting to memory, and what it exported in few words. */
import { type Attributes, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

export interface Sdk {
  readonly tracerProvider: TracerProvider
  readonly meterProvider: MeterProvider
  spans(): readonly ReadableSpan[]
  metrics(): Promise<readonly MetricData[]>
}

export function startSdk(): Sdk {
  const spans = new InMemorySpanExporter()
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 2 ** 30 })
  return {
    tracerProvider: new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }),
    meterProvider: new MeterProvider({ readers: [reader] }),
    spans: () => spans.getFinishedSpans(),
    async metrics() {
      metrics.reset()
      await reader.forceFlush()
      return metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    },
  }
}

export interface SpanFacts {
  readonly name: string
  readonly kind: string | undefined
  readonly status: string | undefined
  readonly durationMs: number
  readonly attributes: Attributes
}

export function factsOfSpan({ name, kind, status, duration, attributes }: ReadableSpan): SpanFacts {
  const durationMs = Math.round((duration[0] * 1e3 + duration[1] / 1e6) * 1e3) / 1e3
  return { name, kind: SpanKind[kind], status: SpanStatusCode[status.code], durationMs, attributes }
}

export interface PointFacts {
  readonly name: string
  readonly unit: string
  readonly attributes: Attributes
  /** A counter's sum; a histogram's sum and number of values. */
  readonly value: number | { readonly sum: number | undefined; readonly count: number }
}

export function factsOfPoints(metrics: readonly MetricData[]): readonly PointFacts[] {
  return metrics.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => ({ name, unit, attributes, value: shortly(value) })),
  )
}

function shortly(value: MetricData['dataPoints'][number]['value']): PointFacts['value'] {
  if (typeof value === 'number') return value
  return { sum: value.sum, count: value.count }
}
