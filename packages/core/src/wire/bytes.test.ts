import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { concat, demandBytes, equalInConstantTime, formatBase64, parseBase64 } from './bytes.ts'
import { Cursor, writeUint } from './cursor.ts'

describe('bytes as a caller gives them', () => {
  test('are a view of the same memory, offset respected, whatever kind of Uint8Array they are', () => {
    const pool = pattern(100)
    const view = demandBytes(Buffer.from(pool.buffer, 10, 20), 'x')
    expect(view.constructor).toBe(Uint8Array)
    expect([view.buffer === pool.buffer, view.byteOffset, view.length]).toEqual([true, 10, 20])
    expect(demandBytes(new Uint8Array(0), 'x').length).toBe(0)
  })

  test('may be of another realm, as in a test runner that has one for each file', () => {
    const view = demandBytes(runInNewContext('new Uint8Array([1, 2, 3]).subarray(1)'), 'x')
    expect([view.constructor, [...view]]).toEqual([Uint8Array, [2, 3]])
  })

  const notBytes: readonly (readonly [what: string, value: unknown, says: RegExp])[] = [
    ['base64 text', 'AgR4', /text \(is it base64\? decode it first\)/],
    ['null', null, /null/],
    ['undefined', undefined, /undefined/],
    ['a number', 7, /number/],
    ['an array', [1, 2], /Array/],
    ['an ArrayBuffer', new ArrayBuffer(8), /ArrayBuffer/],
    ['a DataView', new DataView(new ArrayBuffer(8)), /DataView/],
    ['a Uint16Array', new Uint16Array(8), /Uint16Array/],
    ['an object without a prototype', Object.create(null), /an object/],
    ['a proxy', new Proxy(new Uint8Array(4), {}), /a proxy or an imitation/],
    ['an object with the prototype alone', Object.create(Uint8Array.prototype), /a proxy or an imitation/],
  ]
  test.each(notBytes)('may not be %s', async (_, value, says) => {
    const error = await refusal(() => demandBytes(value, 'encrypt'))
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringMatching(says)])
    expect(error.message).toMatch(/^encrypt: expected a Uint8Array/)
  })

  test('may not be on shared memory, nor transferred away', async () => {
    const shared = await refusal(() => demandBytes(new Uint8Array(new SharedArrayBuffer(8)), 'x'))
    const foreign = await refusal(() => demandBytes(runInNewContext('new Uint8Array(new SharedArrayBuffer(8))'), 'x'))
    expect(foreign.message).toBe(shared.message)
    expect([shared.code, shared.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('shared memory')])
    const disguised = Object.setPrototypeOf(new SharedArrayBuffer(8), ArrayBuffer.prototype)
    expect((await refusal(() => demandBytes(new Uint8Array(disguised), 'x'))).message).toBe(shared.message)
    const moved = new Uint8Array(8)
    structuredClone(moved, { transfer: [moved.buffer] })
    const detached = await refusal(() => demandBytes(moved, 'x'))
    expect([detached.code, detached.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('transferred')])
  })
})

test('pieces are joined in order, into memory of their own', () => {
  const piece = pattern(3)
  expect(concat([])).toEqual(new Uint8Array(0))
  const joined = concat([piece, new Uint8Array(0), pattern(2, 9)])
  expect(joined).toEqual(Uint8Array.of(...pattern(3), ...pattern(2, 9)))
  expect(concat([piece]).buffer).not.toBe(piece.buffer)
})

test('two byte strings are equal where length and every byte are', () => {
  const bytes = pattern(32)
  expect(equalInConstantTime(bytes, bytes.slice())).toBe(true)
  expect(equalInConstantTime(bytes, bytes.slice(0, 31))).toBe(false)
  for (let at = 0; at < 32; at++) {
    const other = bytes.slice()
    other.set([bytes[at] === 0 ? 1 : 0], at)
    expect(equalInConstantTime(bytes, other)).toBe(false)
    expect(equalInConstantTime(other, bytes)).toBe(false)
  }
})

test('base64 is canonical both ways', () => {
  for (let length = 0; length < 60; length++) {
    const text = Buffer.from(pattern(length, 250)).toString('base64')
    expect(formatBase64(pattern(length, 250))).toBe(text)
    expect(parseBase64(text)).toEqual(pattern(length, 250))
  }
  for (const text of [
    'A',
    'AA',
    'AAA',
    'AB==',
    'AAB=',
    'A===',
    'AA=A',
    '====',
    'AAA\n',
    'AA A',
    '-_==',
    'AAAA=',
    'ä===',
  ]) {
    expect(parseBase64(text), text).toBe(undefined)
  }
})

describe('a cursor', () => {
  test('reads numbers in big-endian order', () => {
    const cursor = new Cursor(Buffer.from('01 0203 f0040506 0000000700000008'.replaceAll(' ', ''), 'hex'))
    expect([cursor.uint8('f'), cursor.uint16('f'), cursor.uint32('f')]).toEqual([1, 0x0203, 0xf0040506])
    expect(cursor.uint64('f')).toBe(7 * 2 ** 32 + 8)
    expect(cursor.offset).toBe(15)
  })

  test('hands out views, and nothing past the bytes or its limit', async () => {
    const bytes = pattern(10)
    const cursor = new Cursor(bytes, 8)
    expect(cursor.take(4, 'f').buffer).toBe(bytes.buffer)
    const limited = await refusal(() => cursor.take(5, 'the tag'))
    expect([limited.code, limited.message]).toEqual(['LIMIT_EXCEEDED', expect.stringContaining('the tag')])
    expect(await codeOf(() => new Cursor(bytes).take(11, 'f'))).toBe('MALFORMED_MESSAGE')
    expect(cursor.take(4, 'f')).toEqual(bytes.subarray(4, 8))
    const short = new Cursor(bytes)
    expect(await codeOf(() => short.take(0xffff_ffff, 'f'))).toBe('MALFORMED_MESSAGE')
    expect(short.offset).toBe(0)
  })

  test('what is written as a number is read as that number', () => {
    for (const [length, value] of [
      [1, 255],
      [2, 0x1234],
      [4, 0xffff_ffff],
      [8, 2 ** 40 + 5],
    ] as const) {
      const bytes = new Uint8Array(10)
      expect(writeUint(bytes, 1, length, value)).toBe(1 + length)
      expect(Number(`0x${Buffer.from(bytes.subarray(1, 1 + length)).toString('hex')}`)).toBe(value)
      expect([bytes[0], bytes[1 + length]]).toEqual([0, 0])
    }
  })
})
