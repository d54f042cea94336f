import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from './errors.ts'
import { untilAborted } from './until-aborted.ts'

const never = (): Promise<never> => new Promise(() => undefined)

describe('waiting for what does not heed the signal', () => {
  test.each([
    ['before', AbortSignal.abort()],
    ['meanwhile', AbortSignal.timeout(1)],
  ])('ends with an abort that came %s', async (_, signal) => {
    await expect(untilAborted(never(), signal)).rejects.toMatchObject({ code: 'ABORTED', retryable: false })
  })

  test('fails with the reason where that says more', async () => {
    const reason = new KeyfoldError('TIMEOUT', 'no answer within 10 ms')
    await expect(untilAborted(never(), AbortSignal.abort(reason))).rejects.toBe(reason)
  })

  test.each([
    ['succeeds', async () => 1],
    ['fails', () => Promise.reject(new Error('no'))],
  ])('leaves no listener where it %s', async (_, call) => {
    const { signal } = new AbortController()
    const outcome = await Promise.allSettled([untilAborted<unknown>(call(), signal)])
    await Promise.resolve()
    expect(outcome).toEqual(await Promise.allSettled([call()]))
    await Promise.resolve()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('gives a late value away to be wiped, and heeds neither a late failure nor one of the wiping', async () => {
    const late = Promise.withResolvers<string>()
    const controller = new AbortController()
    const discarded: string[] = []
    const waiting = untilAborted(late.promise, controller.signal, (value) => {
      discarded.push(value)
      throw new Error('cannot be wiped')
    })
    controller.abort()
    late.resolve('a data key')
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    expect(discarded).toEqual(['a data key'])
    await expect(untilAborted(Promise.reject(new Error('late')), controller.signal)).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})
