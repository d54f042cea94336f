import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { countKeys } from './key-count.test-support.ts'
import { countingSource, Gate } from './range-source.test-support.ts'
import type { RangeSource } from './range-source.ts'

const { envelope, spy } = setUp(0x0478)
const plaintext = pattern(50)
const sealed = await envelope.encrypt(plaintext, { frameLength: 16 })

afterEach(() => {
  vi.restoreAllMocks()
})

describe('what is read', () => {
  test('is in memory of the caller’s own, whether a whole frame, a part of one or nothing', async () => {
    const bytes = sealed.slice()
    await using reader = await envelope.openRange(bytes)
    for (const [start, end] of [
      [0, 16],
      [3, 9],
      [16, 48],
      [10, 40],
      [48, 50],
      [7, 7],
    ] as const) {
      const part = await reader.read(start, end)
      expect(part.buffer.byteLength).toBe(part.length)
      part.fill(0xee)
      structuredClone(part, { transfer: [part.buffer] })
      expect(await reader.read(start, end)).toEqual(plaintext.slice(start, end))
    }
    expect(bytes).toEqual(sealed)
  })

  test('needs nothing of the header’s memory once the reader is there', async () => {
    const bytes = sealed.slice()
    await using reader = await envelope.openRange(bytes)
    bytes.fill(0, 0, reader.header.headerLength)
    expect(await reader.read(10, 40)).toEqual(plaintext.slice(10, 40))
  })

  test('comes from a source that uses one buffer for all its answers', async () => {
    const pool = new Uint8Array(8192)
    const source: RangeSource = {
      size: sealed.length,
      async read(start, end) {
        pool.fill(0xee)
        pool.set(sealed.subarray(start, end))
        return pool.subarray(0, end - start)
      },
    }
    await using reader = await envelope.openRange(source)
    expect(await reader.read(10, 50)).toEqual(plaintext.slice(10, 50))
  })

  test('never comes from bytes whose buffer was transferred away', async () => {
    const bytes = sealed.slice()
    await using reader = await envelope.openRange(bytes)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect(await codeOf(() => reader.read(0, 1))).toBe('INVALID_ARGUMENT')
  })
})

test('a reader keeps nothing of what it gave', async () => {
  await using reader = await envelope.openRange(sealed)
  const given = new WeakRef(await reader.read(0, 50))
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  await new Promise((resolve) => setImmediate(resolve)) // a weak reference holds until the end of its turn
  collect()
  expect(given.deref()).toBeUndefined()
})

describe('disposing', () => {
  test('ends reading, once and for all', async () => {
    const source = countingSource(sealed)
    const reader = await envelope.openRange(source)
    await reader[Symbol.asyncDispose]()
    await reader[Symbol.asyncDispose]()
    const before = source.reads.length
    expect(await codeOf(() => reader.read(0, 1))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => reader.read(0, 0))).toBe('INVALID_ARGUMENT')
    expect(source.reads.length).toBe(before)
  })

  test('waits for the reads that are under way, and keeps the key until then', async () => {
    const count = countKeys()
    const gate = new Gate()
    const reader = await envelope.openRange(countingSource(sealed, (bytes) => gate.pass(bytes)))
    gate.close()
    const reading = reader.read(0, 50)
    let done = false
    const disposed = reader[Symbol.asyncDispose]().then(() => {
      done = true
    })
    expect(await codeOf(() => reader.read(0, 1))).toBe('INVALID_ARGUMENT')
    expect([done, count.disposed]).toEqual([false, 0])
    gate.open()
    expect(await reading).toEqual(plaintext)
    await disposed
    expect(count).toEqual({ made: 1, disposed: 1 })
  })

  test('waits for a read that fails, and does not fail with it', async () => {
    const gate = new Gate()
    const source = countingSource(sealed, async (bytes) => (gate.closed ? (await gate.pass(bytes)).fill(0) : bytes))
    const reader = await envelope.openRange(source)
    gate.close()
    const reading = refusal(() => reader.read(0, 50))
    const disposed = reader[Symbol.asyncDispose]()
    gate.open()
    expect((await reading).code).toBe('MALFORMED_MESSAGE')
    await disposed
  })

  test('comes of itself at the end of decryptRange, whether it gives a range or not', async () => {
    const count = countKeys()
    await envelope.decryptRange(sealed, { start: 0, end: 50 })
    expect(count).toEqual({ made: 1, disposed: 1 })
    expect(await codeOf(() => envelope.decryptRange(sealed, { start: 0, end: 51 }))).toBe('INVALID_ARGUMENT')
    expect(count).toEqual({ made: 2, disposed: 2 })
  })
})

describe('a message that does not open leaves no key behind where', () => {
  test.each([
    ['its final frame was altered', sealed.map((byte, at) => (at === sealed.length - 1 ? byte ^ 1 : byte))],
    ['its header was altered', sealed.map((byte, at) => (at === 20 ? byte ^ 1 : byte))],
  ])('%s', async (_, bytes) => {
    const count = countKeys()
    spy.secrets.length = 0
    expect(await codeOf(() => envelope.openRange(bytes))).toBe('AUTHENTICATION_FAILED')
    expect(count).toEqual({ made: 1, disposed: 1 })
    expect(spy.secrets.map((secret) => secret.released)).toEqual([true])
  })

  test('its source fails after the header', async () => {
    const count = countKeys()
    spy.secrets.length = 0
    const source = countingSource(sealed, (bytes, { start }) => (start === 0 ? bytes : bytes.subarray(1)))
    expect(await codeOf(() => envelope.openRange(source))).toBe('TRANSPORT_CORRUPTION')
    expect(count).toEqual({ made: 1, disposed: 1 })
    expect(spy.secrets.map((secret) => secret.released)).toEqual([true])
  })

  test('the caller gives up at any of its reads', async () => {
    for (const last of [1, 2]) {
      const count = countKeys()
      spy.secrets.length = 0
      const controller = new AbortController()
      const source = countingSource(sealed, (bytes) => {
        if (source.reads.length === last) controller.abort()
        return bytes
      })
      expect(await codeOf(() => envelope.openRange(source, { signal: controller.signal }))).toBe('ABORTED')
      expect(count.disposed).toBe(count.made)
      expect(spy.secrets.every((secret) => secret.released)).toBe(true)
      vi.restoreAllMocks()
    }
  })
})
