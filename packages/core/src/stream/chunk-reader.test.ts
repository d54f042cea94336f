import { describe, expect, test } from 'vitest'
import { ChunkReader } from './chunk-reader.ts'

/** Chunks whose memory is overwritten as soon as the next one is asked for. */
async function* lent(chunks: readonly (readonly number[])[]): AsyncGenerator<Uint8Array, undefined> {
  for (const chunk of chunks) {
    const bytes = Uint8Array.from(chunk)
    yield bytes
    bytes.fill(0xee)
  }
  return undefined
}

const reading = (...chunks: readonly (readonly number[])[]): ChunkReader =>
  new ChunkReader(lent(chunks), (chunk) => chunk as Uint8Array) // what `lent` gives

describe('a chunk reader', () => {
  test('gives a chunk that is long enough as it lies, and all of it', async () => {
    const chunk = Uint8Array.of(1, 2, 3)
    async function* one(): AsyncGenerator<Uint8Array, undefined> {
      yield chunk
      return undefined
    }
    const reader = new ChunkReader(one(), (given) => given as Uint8Array)
    const bytes = await reader.atLeast(2)
    expect([bytes.buffer === chunk.buffer, [...bytes]]).toEqual([true, [1, 2, 3]])
  })

  test('gathers what spans chunks, no more of it than is asked for', async () => {
    const reader = reading([1], [2, 3], [4, 5, 6, 7])
    expect([...(await reader.atLeast(4))]).toEqual([1, 2, 3, 4])
    expect([...(await reader.atLeast(5, 6))]).toEqual([1, 2, 3, 4, 5, 6])
    expect([...(await reader.atLeast(99))]).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('reads a chunk where it lies again once what spanned chunks is behind', async () => {
    const reader = reading([1], [2, 3, 4, 5, 6], [7])
    expect([...(await reader.atLeast(3))]).toEqual([1, 2, 3])
    reader.consume(2)
    const rest = await reader.atLeast(2)
    expect([...rest]).toEqual([3, 4, 5, 6])
    rest.set([0x33]) // in the chunk, not in a copy
    expect([...(await reader.atLeast(5))]).toEqual([0x33, 4, 5, 6, 7])
  })

  test('moves on within what was gathered from chunks that are gone', async () => {
    const reader = reading([1], [2], [3], [4])
    await reader.atLeast(3)
    reader.consume(1)
    expect([...(await reader.atLeast(1))]).toEqual([2, 3])
    reader.consume(1)
    expect([...(await reader.atLeast(2))]).toEqual([3, 4])
    expect(reader.consumed).toBe(2)
  })

  test('gives nothing twice and leaves nothing out, however it is cut and read', async () => {
    for (let seed = 1; seed < 200; seed++) {
      const all = Array.from({ length: 60 }, (_, at) => at + 1)
      const chunks: number[][] = []
      for (let at = 0, step = 0; at < all.length; step++) {
        const length = (seed * (step + 3)) % 7
        chunks.push(all.slice(at, at + length))
        at += length === 0 ? 1 : length
        if (length === 0) chunks.push(all.slice(at - 1, at))
      }
      const reader = reading(...chunks)
      const read: number[] = []
      for (let step = 0; read.length < all.length; step++) {
        const length = 1 + ((seed + step) % 9)
        const bytes = await reader.atLeast(length, length + ((seed * step) % 20))
        if (bytes.length === 0) break
        const some = Math.min(bytes.length, 1 + ((seed + 3 * step) % 8))
        read.push(...bytes.subarray(0, some))
        reader.consume(some)
      }
      expect(read, `seed ${seed}`).toEqual(all)
      expect((await reader.atLeast(1)).length).toBe(0)
    }
  })
})
