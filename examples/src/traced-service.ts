// A small service that stores records sealed under two keys, and the trace of one request through it: the server's span, the
// envelope's, and the calls to the keys, the first of which is out of order. OpenTelemetry's SDK exports to memory here.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { anyOf, createEnvelope } from '@keyfold/core'
import { otelObserver } from '@keyfold/core/otel'
import { memoryKeys } from '@keyfold/core/testing'
import { context, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

const exporter = new InMemorySpanExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))

// In earnest these are keys of two services, in two places.
const [main, spare] = [memoryKeys({ name: 'main' }), memoryKeys({ name: 'spare' })]
for (const keys of [main, spare]) keys.delay(20)
main.fail('UNAVAILABLE', { operation: 'unwrapDataKey' })
const envelope = createEnvelope({ keys: anyOf(main, spare), observe: otelObserver() })
const tracer = trace.getTracer('example-service')

// What an instrumentation of node:http would do: a span around each request.
const server = createServer((request, response) => {
  tracer.startActiveSpan(`${request.method} /records`, { kind: SpanKind.SERVER }, async (span) => {
    await sealAndOpen(request, response)
    span.end()
  })
})

/** Seals what was sent, and answers with what it opens to. */
async function sealAndOpen(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const record = Buffer.concat(await request.toArray())
  const sealed = await envelope.encrypt(record, { context: { tenant: 't-42' } })
  const { plaintext } = await envelope.decrypt(sealed, { context: { tenant: 't-42' } })
  response.end(plaintext)
}

server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo // it listens on a port
const answer = await fetch(`http://127.0.0.1:${port}/records`, { method: 'POST', body: 'order 7' })
assert.equal(await answer.text(), 'order 7')
server.close()
await once(server, 'close')

/** The spans below one, indented under it, in the order in which they started. */
function tree(spans: readonly ReadableSpan[], parentId?: string, depth = 0): readonly string[] {
  return spans
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parentId)
    .toSorted((a, b) => millisecondsOf(a.startTime) - millisecondsOf(b.startTime))
    .flatMap((span) => [lineOf(span, depth), ...tree(spans, span.spanContext().spanId, depth + 1)])
}

function lineOf({ name, duration, attributes }: ReadableSpan, depth: number): string {
  const { 'keyfold.provider.name': provider = '', 'error.type': error = '' } = attributes
  const milliseconds = millisecondsOf(duration).toFixed(1).padStart(6)
  return `${milliseconds} ms  ${'  '.repeat(depth)}${[name, provider, error].join(' ').trimEnd()}`
}

function millisecondsOf([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1e3 + nanoseconds / 1e6
}

const spans = exporter.getFinishedSpans()
console.log(tree(spans).join('\n'))

assert.deepEqual(
  spans.map(({ name }) => name),
  [
    'generate data key',
    'wrap data key',
    'seal message',
    'unwrap data key',
    'unwrap data key',
    'open message',
    'POST /records',
  ],
)
assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1)
