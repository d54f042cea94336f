import { expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { Assembly, join } from './assembly.ts'

test('pieces stand in order, in memory that nothing else is in', () => {
  const pieces = [pattern(3), new Uint8Array(0), pattern(20_000, 1), pattern(5, 2)]
  const whole = join(pieces)
  expect(Buffer.concat(pieces).equals(whole)).toBe(true)
  expect(whole.buffer.byteLength).toBe(whole.length)
  expect(join([])).toEqual(new Uint8Array(0))
})

test('memory that was not written is not given out', () => {
  const short = new Assembly(8)
  short.add([pattern(3), pattern(4)])
  expect(() => short.finish()).toThrow(expect.objectContaining({ code: 'UNKNOWN' }))
  short.add([pattern(1)])
  expect(short.finish()).toHaveLength(8)
})

test('no more is taken than there is room for', () => {
  const full = new Assembly(4)
  expect(() => full.add([pattern(2), pattern(3)])).toThrow(expect.objectContaining({ code: 'UNKNOWN' }))
  full.add([pattern(2)])
  expect(full.finish()).toHaveLength(4)
})

test('more than there is memory for is a limit', () => {
  expect(() => new Assembly(2 ** 52)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
})
