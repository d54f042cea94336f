import { describe, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import { pattern } from '../pattern.test-support.ts'
import { chunksOf, framesInRun, runLength } from './chunks.ts'
import { atTheEnd } from './release.ts'

const ones = (count: number): readonly Uint8Array[] => Array.from({ length: count }, (_, at) => Uint8Array.of(at))

describe('pieces as chunks', () => {
  test('are joined where they are small, and neither reordered nor lost', () => {
    const large = pattern(10_000)
    const pieces = [pattern(3), new Uint8Array(0), pattern(4, 1), large, new Uint8Array(0), pattern(5, 2)]
    const chunks = [...chunksOf(pieces)]
    expect(chunks.map((chunk) => chunk.length)).toEqual([7, 10_000, 5])
    expect(chunks[1]).toBe(large)
    expect(Buffer.concat(chunks).equals(Buffer.concat(pieces))).toBe(true)
    expect([...chunksOf([new Uint8Array(0)])]).toEqual([])
  })

  test('stay near the length of a step, however many there are', () => {
    const pieces = Array.from({ length: 1000 }, (_, at) => new Uint8Array(4096).fill(at))
    const chunks = [...chunksOf(pieces)]
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(runLength + 4096)
    expect(Buffer.concat(chunks).equals(Buffer.concat(pieces))).toBe(true)
  })

  test('are joined when they are asked for', () => {
    const joined = vi.spyOn(engine, 'allocate')
    const chunks = chunksOf(Array.from({ length: 1000 }, () => new Uint8Array(4096)))
    for (let at = 1; at <= 3; at++) {
      chunks.next()
      expect(joined.mock.calls.length).toBe(at)
    }
    joined.mockRestore()
  })
})

describe('a step of sealing', () => {
  test('is of whole frames, one at the least, and as much message as a step of opening', () => {
    expect(framesInRun(1)).toBe(Math.floor(runLength / 33))
    expect(framesInRun(runLength)).toBe(1)
    expect(framesInRun(100_000)).toBe(1)
  })
})

describe('plaintext that is held', () => {
  test('is held in few pieces, however small its frames are', () => {
    const release = atTheEnd(20_000)
    for (let at = 0; at < 200; at++) release.add(ones(100), 1)
    expect(release.end().length).toBeLessThan(1100)
    expect(Buffer.concat(release.end()).equals(Buffer.concat(Array(200).fill(Buffer.concat(ones(100)))))).toBe(true)
  })
})
