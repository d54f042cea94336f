import { describe, expect, test, vi } from 'vitest'
import { chain, disposing, disposingOnFailure } from './maybe-promise.ts'

function resource() {
  const dispose = vi.fn()
  return { dispose, [Symbol.dispose]: dispose }
}

test('chain goes on at once with a value, and later with a promise', async () => {
  expect(chain(1, (value) => value + 1)).toBe(2)
  const later = chain(Promise.resolve(1), (value) => value + 1)
  expect(later).toBeInstanceOf(Promise)
  expect(await later).toBe(2)
})

describe.each([
  ['disposing', disposing, 1],
  ['disposingOnFailure', disposingOnFailure, 0],
] as const)('%s', (_, work, afterSuccess) => {
  test('gives what is made at once', () => {
    const { dispose, ...rest } = resource()
    expect(
      work(rest, () => {
        expect(dispose).not.toHaveBeenCalled()
        return 5
      }),
    ).toBe(5)
    expect(dispose).toHaveBeenCalledTimes(afterSuccess)
  })

  test('gives what is promised, and keeps the resource until then', async () => {
    const { dispose, ...rest } = resource()
    const { promise, resolve } = Promise.withResolvers<number>()
    const result = work(rest, () => promise)
    await Promise.resolve()
    expect(dispose).not.toHaveBeenCalled()
    resolve(5)
    expect(await result).toBe(5)
    expect(dispose).toHaveBeenCalledTimes(afterSuccess)
  })

  test('disposes once where the work throws, now or later, and fails as it did', async () => {
    const failure = new Error('no')
    const now = resource()
    const throwing = (): never => {
      throw failure
    }
    expect(() => work(now, throwing)).toThrow(failure)
    expect(now.dispose).toHaveBeenCalledTimes(1)
    const later = resource()
    await expect(work(later, () => Promise.reject(failure))).rejects.toBe(failure)
    expect(later.dispose).toHaveBeenCalledTimes(1)
  })
})
