import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { KeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { retrying, usualRetry } from './retry.ts'

const never = new AbortController().signal

/** The usual terms, with the waits noted instead of waited for. */
function terms(random: number) {
  const waits: number[] = []
  const wait = async (ms: number): Promise<void> => void waits.push(ms)
  return { waits, ...usualRetry, random: () => random, wait }
}

test('waits up to twice as long each time, with full jitter, and gives up after five tries', async () => {
  const failure = new KeyfoldError('THROTTLED', 'too many')
  for (const [random, expected] of [
    [0, [0, 0, 0, 0]],
    [0.5, [100, 200, 400, 800]],
    [1, [200, 400, 800, 1600]],
  ] as const) {
    const given = terms(random)
    let tried = 0
    const outcome = retrying(given, never, async () => {
      tried++
      throw failure
    })
    await expect(outcome).rejects.toBe(failure)
    expect(tried).toBe(5)
    expect(given.waits).toEqual(expected)
  }
})

test('waits as long as the service asks for, and not at all where that is too long', async () => {
  const given = terms(0)
  const failures = [700, 3000, 3001].map((retryAfterMs) => new KeyfoldError('THROTTLED', 'too many', { retryAfterMs }))
  const left = [...failures]
  await expect(retrying(given, never, () => Promise.reject(left.shift()))).rejects.toBe(failures[2])
  expect(given.waits).toEqual([700, 3000])
})

test('tries again only what may pass', async () => {
  const given = terms(0)
  for (const failure of [new KeyfoldError('ACCESS_DENIED', 'no'), new Error('unknown')]) {
    await expect(retrying(given, never, () => Promise.reject(failure))).rejects.toBe(failure)
  }
  expect(given.waits).toEqual([])
})

test('an abort ends the wait at once, with its reason, and there is no further try', async () => {
  const controller = new AbortController()
  const reason = new KeyfoldError('TIMEOUT', 'no answer within 10 ms')
  let tried = 0
  const outcome = retrying({ ...usualRetry, firstDelayMs: 1e6, longestDelayMs: 1e7 }, controller.signal, async () => {
    tried++
    queueMicrotask(() => queueMicrotask(() => controller.abort(reason)))
    throw new KeyfoldError('THROTTLED', 'too many')
  })
  await expect(outcome).rejects.toBe(reason)
  expect(tried).toBe(1)
})

test('a process that does nothing else waits for the next try', async () => {
  const program = `
    const { usualRetry } = await import('./retry.ts')
    usualRetry.wait(50, new AbortController().signal).then(() => console.log('waited'))
  `
  const flags = ['--conditions=@keyfold/source', '--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: import.meta.dirname })
  expect(stdout).toBe('waited\n')
}, 60_000)

test('does not wait after an abort, though its reason is one that may pass', async () => {
  const controller = new AbortController()
  const given = terms(1)
  const reason = new KeyfoldError('TIMEOUT', 'no answer within 10 ms')
  const outcome = retrying(given, controller.signal, async () => {
    controller.abort(reason)
    throw reason
  })
  await expect(outcome).rejects.toBe(reason)
  expect(given.waits).toEqual([])
})
