import { getEventListeners } from 'node:events'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import { KeyfoldError } from '../errors.ts'
import { decryptDuplex, encryptDuplex } from '../node/duplex.ts'
import { pattern } from '../pattern.test-support.ts'
import type { WebTransform } from '../stream/web.ts'
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { type Spy, setUp, spyProvider } from './fixtures.test-support.ts'

/*
 * Whatever ends a stream, at whatever moment: both sides end, once; the header settles; keys are disposed of; no timer is
 * left, and nothing on the caller's signal; no rejection is unhandled.
 */

const frameLength = 1000
/** More than any side takes unasked. */
const plaintext = pattern(300_500)
const sealed = await setUp(0x0478).envelope.encrypt(plaintext, { frameLength })

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
process.on('unhandledRejection', onUnhandled)
afterAll(() => void process.off('unhandledRejection', onUnhandled))

/** Message keys that are alive. */
let alive = 0
beforeEach(() => {
  const real = engine.messageKey.bind(engine)
  vi.spyOn(engine, 'messageKey').mockImplementation(async (...args) => {
    const key = await real(...args)
    alive += 1
    return {
      commitment: key.commitment,
      headerTag: (aad) => key.headerTag(aad),
      verifyHeader: (aad, iv, tag) => key.verifyHeader(aad, iv, tag),
      sealFrames: (run) => key.sealFrames(run),
      openFrames: (run) => key.openFrames(run),
      [Symbol.dispose]() {
        alive -= 1
        key[Symbol.dispose]()
      },
    }
  })
})
afterEach(() => void vi.restoreAllMocks())

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A stream under test, and what is behind it. */
interface Subject<Stream> {
  readonly stream: Stream & { readonly header: Promise<unknown> }
  readonly controller: AbortController
  readonly spy: Spy
  readonly clock: FakeClock
  /** What is written first, of which a part is no whole frame. */
  readonly input: Uint8Array
  /** Answers the key call that was held. */
  readonly answer: () => void
}

type Make<Stream> = (
  envelope: Envelope,
  options: { readonly signal: AbortSignal },
) => Stream & { readonly header: Promise<unknown> }

function make<Stream>(create: Make<Stream>, input: Uint8Array, holdsKey: boolean): Subject<Stream> {
  let answer = (): void => undefined
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const spy = spyProvider({ dataKey: pattern(32, 3), before: () => (holdsKey ? answered : undefined) })
  const controller = new AbortController()
  const clock = fakeClock()
  const stream = create(createEnvelope({ keys: spy.provider, clock }), { signal: controller.signal })
  return { stream, controller, spy, clock, input, answer }
}

/** What must hold however the stream was ended. */
async function demandEnded({ stream, controller, spy, clock, answer }: Subject<unknown>): Promise<void> {
  const settled = await Promise.race([Promise.allSettled([stream.header]), turns().then(() => [])])
  expect(settled.length, 'the header settles').toBe(1)
  expect(getEventListeners(controller.signal, 'abort').length).toBe(0)
  expect(clock.pending).toBe(0)
  for (const { aborted } of spy.signals.slice(spy.secrets.length)) expect(aborted).toBe(true)
  answer()
  await turns()
  expect(spy.secrets.map((secret) => secret.released)).toEqual(spy.calls.map(() => true)) // a late answer's too
  expect(alive).toBe(0)
  expect(unhandled).toEqual([])
}

const reason = new Error('enough')
const moments = [
  'before the first byte',
  'during the key call',
  'mid frame',
  'with output unread',
  'when all is written',
] as const
type Moment = (typeof moments)[number]

const webs = [
  ['sealing', (envelope, options) => envelope.encryptStream({ ...options, frameLength }), plaintext],
  ['opening', (envelope, options) => envelope.decryptStream(options), sealed],
] as const satisfies readonly (readonly [string, Make<WebTransform>, Uint8Array])[]

describe.each(webs)('a web stream, %s', (_, create, whole) => {
  async function reach(moment: Moment) {
    const subject = make<WebTransform>(create, whole, moment === 'during the key call')
    const writer = subject.stream.writable.getWriter()
    const reader = subject.stream.readable.getReader()
    const writes: Promise<unknown>[] = []
    const write = (bytes: Uint8Array): void => void writes.push(writer.write(bytes))
    if (moment === 'during the key call') write(whole)
    if (moment === 'mid frame') write(whole.subarray(0, 500))
    if (moment === 'with output unread') write(whole)
    if (moment === 'when all is written') {
      write(whole)
      writes.push(writer.close())
    }
    if (moment !== 'before the first byte') await turns()
    return { subject, writer, reader, sides: Promise.allSettled([reader.closed, writer.closed, ...writes]) }
  }

  test.each(moments)('ends where the reader cancels %s', async (moment) => {
    const { subject, writer, reader, sides } = await reach(moment)
    await reader.cancel(reason)
    await expect(writer.closed).rejects.toBe(reason)
    await sides
    await demandEnded(subject)
  })

  test.each(moments)('ends where the reader cancels %s and says no reason', async (moment) => {
    const { subject, writer, reader, sides } = await reach(moment)
    await reader.cancel()
    await expect(writer.closed).rejects.toMatchObject({ code: 'ABORTED' })
    await sides
    await demandEnded(subject)
  })

  test.each(moments)('ends where the writer aborts %s', async (moment) => {
    const { subject, writer, reader, sides } = await reach(moment)
    const reading = reader.closed.catch((error: unknown) => error)
    await writer.abort(reason)
    expect(await reading).toBe(reason)
    await sides
    await demandEnded(subject)
  })

  test.each(moments)("ends where the caller's signal aborts %s", async (moment) => {
    const { subject, writer, reader, sides } = await reach(moment)
    subject.controller.abort(reason)
    for (const side of [reader.closed, writer.closed, reader.read()]) {
      await expect(side).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    }
    await sides
    await demandEnded(subject)
  })

  test('ends where the source of a pipe fails', async () => {
    const subject = make<WebTransform>(create, whole, false)
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield whole.subarray(0, 500)
      throw reason
    }
    const piped = ReadableStream.from(failing()).pipeThrough(subject.stream)
    const read = async (): Promise<void> => {
      for await (const _chunk of piped);
    }
    await expect(read()).rejects.toBe(reason)
    await demandEnded(subject)
  })

  test('is not touched by what comes after its end', async () => {
    const { subject, reader, sides } = await reach('when all is written')
    while (!(await reader.read()).done);
    await sides
    expect(getEventListeners(subject.controller.signal, 'abort').length).toBe(0)
    subject.controller.abort(reason)
    await reader.cancel(reason)
    expect((await Promise.allSettled([subject.stream.header]))[0]?.status).toBe('fulfilled')
    await demandEnded(subject)
  })

  test('is not begun under a signal that is aborted', async () => {
    const { provider, calls } = spyProvider()
    const signal = AbortSignal.abort(reason)
    expect(() => create(createEnvelope({ keys: provider }), { signal })).toThrow(KeyfoldError)
    await turns()
    expect([calls, getEventListeners(signal, 'abort')]).toEqual([[], []])
  })
})

const duplexes = [
  ['sealing', (envelope, options) => encryptDuplex(envelope, { ...options, frameLength }), plaintext],
  ['opening', (envelope, options) => decryptDuplex(envelope, options), sealed],
] as const satisfies readonly (readonly [string, Make<Duplex>, Uint8Array])[]

describe.each(duplexes)('a Duplex, %s', (_, create, whole) => {
  async function reach(moment: Moment) {
    const subject = make<Duplex>(create, whole, moment === 'during the key call')
    const { stream } = subject
    const events: unknown[] = []
    stream.on('error', (error) => events.push(error)).on('close', () => events.push('close'))
    if (moment === 'during the key call') stream.write(whole)
    if (moment === 'mid frame') stream.write(whole.subarray(0, 500))
    if (moment === 'with output unread') stream.write(whole)
    if (moment === 'when all is written') stream.end(whole)
    if (moment !== 'before the first byte') await turns()
    return { subject, stream, events }
  }

  test.each(moments)('ends where it is destroyed %s', async (moment) => {
    const { subject, stream, events } = await reach(moment)
    stream.destroy()
    await turns()
    expect(events).toEqual(['close'])
    await demandEnded(subject)
  })

  test.each(moments)('ends where it is destroyed with an error %s', async (moment) => {
    const { subject, stream, events } = await reach(moment)
    stream.destroy(reason)
    stream.destroy(new Error('again'))
    await turns()
    expect(events).toEqual([reason, 'close'])
    await demandEnded(subject)
  })

  test.each(moments)("ends where the caller's signal aborts %s", async (moment) => {
    const { subject, events } = await reach(moment)
    subject.controller.abort(reason)
    await turns()
    expect(events).toEqual([expect.objectContaining({ code: 'ABORTED', cause: reason }), 'close'])
    await demandEnded(subject)
  })

  test('ends where what stands before or behind it in a pipeline fails', async () => {
    const before = make<Duplex>(create, whole, false)
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield whole.subarray(0, 500)
      throw reason
    }
    await expect(pipeline(failing, before.stream, async (output) => void (await buffer(output)))).rejects.toBe(reason)
    await demandEnded(before)

    const behind = make<Duplex>(create, whole, false)
    const sink = async (output: AsyncIterable<unknown>): Promise<void> => {
      for await (const _chunk of output) throw reason
    }
    await expect(pipeline([whole], behind.stream, sink)).rejects.toBe(reason)
    await demandEnded(behind)
  })

  test('is closed by itself at its end, and not touched by what comes after', async () => {
    const { subject, stream, events } = await reach('when all is written')
    stream.resume()
    await turns()
    expect(events).toEqual(['close'])
    subject.controller.abort(reason)
    await turns()
    expect(events).toEqual(['close'])
    await demandEnded(subject)
  })
})

describe('a key that never answers', () => {
  test('ends a stream at the deadline of its call', async () => {
    for (const [create, whole] of [
      [(envelope: Envelope) => envelope.encryptStream(), plaintext],
      [(envelope: Envelope) => envelope.decryptStream(), sealed],
    ] as const) {
      const { provider, calls } = spyProvider({ before: () => new Promise(() => undefined) })
      let timeOut = (): void => undefined
      const schedule = (_: number, callback: () => void): (() => void) => {
        timeOut = callback
        return () => undefined
      }
      const stream = create(createEnvelope({ keys: provider, clock: { now: () => 0, monotonic: () => 0, schedule } }))
      const writer = stream.writable.getWriter()
      const reader = stream.readable.getReader()
      const sides = [writer.write(whole).then(() => writer.closed), reader.read(), stream.header]
      await vi.waitFor(() => expect(calls.length).toBe(1))
      timeOut()
      for (const side of sides) await expect(side).rejects.toMatchObject({ code: 'TIMEOUT' })
    }
  })
})

describe('a stream that goes on after its envelope is closed', () => {
  test('ends as it began, and no other begins', async () => {
    const { envelope } = setUp(0x0478)
    const { readable, writable } = envelope.encryptStream()
    await envelope.close()
    const closed = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: 'the envelope is closed' })
    for (const begin of [
      () => envelope.encryptStream(),
      () => envelope.decryptStream(),
      () => encryptDuplex(envelope),
      () => decryptDuplex(envelope),
    ]) {
      expect(begin).toThrow(closed)
    }
    const writer = writable.getWriter()
    void writer.write(pattern(9))
    void writer.close()
    let length = 0
    for await (const chunk of readable) length += chunk.length
    expect(length).toBeGreaterThan(9)
  })
})
