import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { DataPointType } from '@opentelemetry/sdk-metrics'
import { afterEach, describe, expect, test } from 'vitest'
import { dataKeyCache } from '../data-key-cache/data-key-cache.ts'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import { canary, canaryIn, entryOf, providerOf, unwraps } from '../keys/doubles.test-support.ts'
import { createEnvelope } from '../message/envelope.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { fakeClock, type MemoryKeys, memoryKeys } from '../testing/index.ts'
import { otelObserver } from './otel.ts'
import { factsOfPoints, factsOfSpan, startSdk } from './sdk.test-support.ts'

/** An SDK that nobody registered, an observer on it, and an envelope on memory keys whose every call takes 40 ms. */
function setUp() {
  const sdk = startSdk()
  const observe = otelObserver({
    tracer: sdk.tracerProvider.getTracer('test'),
    meter: sdk.meterProvider.getMeter('test'),
  })
  const clock = fakeClock()
  const main = memoryKeys({ name: 'main', clock })
  const spare = memoryKeys({ name: 'spare', clock })
  for (const keys of [main, spare]) keys.delay(40)
  const envelope = createEnvelope({ keys: anyOf(main, spare), clock, observe })
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    await clock.advanceAsync(1000)
    return work
  }
  return { sdk, observe, main, envelope, inTime }
}

const main = { 'keyfold.provider.name': 'main', 'keyfold.provider.id': 'memory' }
const spare = { 'keyfold.provider.name': 'spare', 'keyfold.provider.id': 'memory' }
const sealing = { 'keyfold.direction': 'seal', 'keyfold.suite': '0x0478', 'keyfold.signed': false }
const opening = { ...sealing, 'keyfold.direction': 'open' }

test.each([null, 'tracer', { traces: {} }])('options that are none are refused: %j', async (options) => {
  const untyped = otelObserver as (options: unknown) => unknown
  expect(await codeOf(async () => untyped(options))).toBe('INVALID_ARGUMENT')
})

describe('spans', () => {
  test('tell of each call and message: its name, kind, duration and what it was about', async () => {
    const { sdk, envelope, inTime } = setUp()
    const sealed = await inTime(envelope.encrypt(pattern(9)))
    await inTime(envelope.decrypt(sealed))
    const ok = { status: 'UNSET', durationMs: 40 }
    const sizes = { 'keyfold.plaintext.size': 9, 'keyfold.message.size': sealed.length }
    expect(sdk.spans().map(factsOfSpan)).toEqual([
      call('generate data key', { ...main, 'keyfold.operation.name': 'generateDataKey' }),
      call('wrap data key', { ...spare, 'keyfold.operation.name': 'wrapDataKey' }),
      { ...ok, name: 'seal message', kind: 'INTERNAL', durationMs: 80, attributes: { ...sealing, ...sizes } },
      call('unwrap data key', { ...main, 'keyfold.operation.name': 'unwrapDataKey' }),
      { ...ok, name: 'open message', kind: 'INTERNAL', attributes: { ...opening, ...main, ...sizes } },
    ])

    function call(name: string, attributes: object) {
      return { ...ok, name, kind: 'CLIENT', attributes }
    }
  })

  test('of a call that failed say its code, and nothing of its message', async () => {
    const { sdk, main: keys, envelope, inTime } = setUp()
    const sealed = await inTime(envelope.encrypt(pattern(9)))
    keys.fail(new KeyfoldError('THROTTLED', 'told to nobody'))
    await inTime(envelope.decrypt(sealed))
    const [failed, opened] = sdk.spans().slice(3)
    expect(failed && factsOfSpan(failed)).toEqual({
      name: 'unwrap data key',
      kind: 'CLIENT',
      status: 'ERROR',
      durationMs: 40,
      attributes: { ...main, 'keyfold.operation.name': 'unwrapDataKey', 'error.type': 'THROTTLED' },
    })
    expect([failed?.status, opened?.status]).toEqual([{ code: SpanStatusCode.ERROR }, { code: SpanStatusCode.UNSET }])
    expect(inspect(sdk.spans(), { depth: null })).not.toContain('told to nobody')
  })

  test('end when they are told of', () => {
    const { sdk, observe } = setUp()
    const before = Date.now()
    const names = { provider: 'p', providerId: 'i' }
    observe({ type: 'data-key-wrapped', ...names, durationMs: 0.25 })
    observe({ type: 'data-key-wrapped', ...names, durationMs: 1e9 }) // longer than this process lives
    const [short, long] = sdk.spans()
    const epochMs = ([seconds, nanoseconds]: readonly [number, number] = [0, 0]) => seconds * 1e3 + nanoseconds / 1e6
    for (const span of [short, long]) {
      expect(epochMs(span?.endTime)).toBeGreaterThan(before - 3)
      expect(epochMs(span?.endTime)).toBeLessThan(Date.now() + 3)
    }
    expect(short && factsOfSpan(short).durationMs).toBeCloseTo(0.25, 2)
    expect(long && factsOfSpan(long).durationMs).toBe(1e9)
  })
})

describe('metrics', () => {
  test('measure calls and messages in seconds and bytes, a failed call with its code', async () => {
    const { sdk, main: keys, envelope, inTime } = setUp()
    const sealed = await inTime(envelope.encrypt(pattern(9)))
    await inTime(envelope.encrypt(pattern(20)))
    keys.fail('THROTTLED')
    await inTime(envelope.decrypt(sealed))
    const length = sealed.length
    const call = (operation: string, of: object, count: number) =>
      point(
        'keyfold.provider.operation.duration',
        's',
        { 'keyfold.operation.name': operation, ...of },
        { sum: count * 0.04, count },
      )
    expect(factsOfPoints(await sdk.metrics())).toEqual([
      call('generateDataKey', main, 2),
      call('wrapDataKey', spare, 2),
      call('unwrapDataKey', { ...main, 'error.type': 'THROTTLED' }, 1),
      call('unwrapDataKey', spare, 1),
      point('keyfold.message.duration', 's', sealing, { sum: 0.16, count: 2 }),
      point('keyfold.message.duration', 's', opening, { sum: 0.08, count: 1 }),
      point('keyfold.plaintext.io', 'By', sealing, 29),
      point('keyfold.plaintext.io', 'By', opening, 9),
      point('keyfold.message.io', 'By', sealing, 2 * length + 11),
      point('keyfold.message.io', 'By', opening, length),
    ])
  })

  test('sort calls and messages from a tenth of a millisecond to ten seconds', async () => {
    const { sdk, envelope, inTime } = setUp()
    await inTime(envelope.encrypt(pattern(9)))
    const histograms = (await sdk.metrics()).filter(({ dataPointType }) => dataPointType === DataPointType.HISTOGRAM)
    const boundaries = histograms.flatMap(({ dataPoints }) =>
      dataPoints.map(({ value }) => (typeof value === 'object' && 'buckets' in value ? value.buckets : undefined)),
    )
    expect(boundaries).toHaveLength(3)
    for (const buckets of boundaries) {
      expect(buckets).toMatchObject({ boundaries: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] })
    }
  })

  test('count missing recipients and reused data keys', async () => {
    const { sdk, observe } = setUp()
    const [sealer, opener] = [memoryKeys({ name: 'main' }), memoryKeys({ name: 'spare' }).only('unwrapDataKey')]
    const envelope = createEnvelope({ keys: anyOf(sealer, opener), observe })
    for (let times = 0; times < 2; times++) await envelope.encrypt(pattern(9))
    const cached = createEnvelope({ keys: sealer, observe, cache: dataKeyCache({ maxAgeMs: 10_000 }) })
    const sealed = await cached.encrypt(pattern(9))
    for (let times = 0; times < 2; times++) await cached.encrypt(pattern(9))
    for (let times = 0; times < 2; times++) await cached.decrypt(sealed)
    const counted = factsOfPoints(await sdk.metrics()).filter(({ name }) => /missing|reused/.test(name))
    expect(counted).toEqual([
      point('keyfold.recipient.missing', '{recipient}', { ...spare, 'error.type': 'UNSUPPORTED' }, 2),
      point('keyfold.data_key.reused', '{data_key}', { 'keyfold.direction': 'seal' }, 2),
      point('keyfold.data_key.reused', '{data_key}', { 'keyfold.direction': 'open' }, 1),
    ])
  })

  test('keep no more series for fifty messages than for one', async () => {
    const { sdk, observe } = setUp()
    const envelope = createEnvelope({ keys: memoryKeys(), observe })
    const series = async () => factsOfPoints(await sdk.metrics()).length
    const work = async (size: number) => {
      await envelope.decrypt(await envelope.encrypt(pattern(size), { context: { size: String(size) } }))
    }
    await work(1)
    const afterOne = await series()
    for (let size = 2; size < 50; size++) await work(size)
    expect(await series()).toBe(afterOne)
  })

  function point(name: string, unit: string, attributes: object, value: number | { sum: number; count: number }) {
    const close = typeof value === 'number' ? value : { sum: expect.closeTo(value.sum, 9), count: value.count }
    return { name, unit, attributes, value: close }
  }
})

test('no key, plaintext, context or error text is in anything that is exported', async () => {
  const { sdk, observe } = setUp()
  const secret = new TextDecoder().decode(canary())
  const telling = () => new KeyfoldError('UNAVAILABLE', secret, { cause: new Error(secret) })
  const name = 'orders'
  const generates = providerOf(name, {
    ...unwraps(),
    generateDataKey: async () => ({ dataKey: SecretBytes.from(canary()), entry: entryOf(name, canary()) }),
  })
  const failing: MemoryKeys = memoryKeys({ name: 'failing' })
  const context = { tenant: secret, withheld: secret }
  const sealed = await createEnvelope({ keys: anyOf(generates, failing), observe }).encrypt(canary(), {
    context,
    withheld: ['withheld'],
    sign: true,
  })
  failing.fail(telling())
  const envelope = createEnvelope({ keys: anyOf(failing, generates), observe })
  await envelope.decrypt(sealed, { context, withheld: ['withheld'] })
  expect(await codeOf(() => envelope.encrypt(canary(), { context }))).toBe('UNAVAILABLE')

  expect(sdk.spans()).toHaveLength(7)
  expect(canaryIn(sdk.spans())).toEqual([])
  expect(canaryIn(await sdk.metrics())).toEqual([])
  expect(canaryIn({ deep: [canary()] })).not.toEqual([]) // what is looked for would be found
})

describe('the registered SDK', () => {
  afterEach(() => {
    for (const api of [trace, metrics, context]) api.disable()
  })

  test('gets spans as children of the one that is active where the envelope was called', async () => {
    const sdk = startSdk()
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(sdk.tracerProvider)
    const envelope = createEnvelope({ keys: memoryKeys(), observe: otelObserver() })
    const tracer = trace.getTracer('application')
    const request = (name: string) =>
      tracer.startActiveSpan(name, async (span) => {
        await envelope.decrypt(await envelope.encrypt(pattern(9)))
        span.end()
        return span.spanContext()
      })
    const requests = await Promise.all([request('first'), request('second')])
    for (const { spanId, traceId } of requests) {
      const children = sdk.spans().filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId)
      expect(children.map(({ name }) => name)).toEqual([
        'generate data key',
        'seal message',
        'unwrap data key',
        'open message',
      ])
      expect(new Set(children.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]))
      expect(children[0]?.instrumentationScope.name).toBe('@keyfold/core')
    }
  })

  test('is found when it is registered after the observer was made, and nothing fails before', async () => {
    const envelope = createEnvelope({ keys: memoryKeys(), observe: otelObserver() })
    await envelope.encrypt(pattern(9))
    const sdk = startSdk()
    trace.setGlobalTracerProvider(sdk.tracerProvider)
    metrics.setGlobalMeterProvider(sdk.meterProvider)
    await envelope.encrypt(pattern(9))
    expect(sdk.spans()).toHaveLength(2)
    const points = factsOfPoints(await sdk.metrics())
    expect(points.find(({ name }) => name === 'keyfold.plaintext.io')?.value).toBe(9)
  })
})

test('docs/telemetry.md lists every name that there is, and no other', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/telemetry.md'), 'utf8')
  const { sdk, observe } = setUp()
  const names = { provider: 'p', providerId: 'i' }
  const message = { suite: 0x0478, signed: false, plaintextBytes: 1, messageBytes: 2, durationMs: 3 }
  const events: readonly KeyfoldEvent[] = [
    { type: 'data-key-generated', ...names, durationMs: 1 },
    { type: 'data-key-wrapped', ...names, durationMs: 1 },
    { type: 'provider-failed', ...names, operation: 'unwrapDataKey', code: 'TIMEOUT', durationMs: 1 },
    { type: 'provider-overtaken', ...names, operation: 'unwrapDataKey', durationMs: 1 },
    { type: 'recipient-missing', ...names, code: 'TIMEOUT' },
    { type: 'data-key-reused', direction: 'seal' },
    { type: 'message-sealed', ...message },
    { type: 'message-opened', ...message, ...names },
  ]
  for (const event of events) observe(event)
  const points = factsOfPoints(await sdk.metrics())
  const attributes = [...sdk.spans(), ...points].flatMap((told) => Object.keys(told.attributes))
  const emitted = new Set([...sdk.spans(), ...points].map(({ name }) => name).concat(attributes))
  const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  expect(listed.toSorted()).toEqual([...emitted].toSorted())
})
