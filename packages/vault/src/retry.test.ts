import { KeyfoldError } from '@keyfold/core'
import { fakeClock } from '@keyfold/core/testing'
import { expect, test } from 'vitest'
import { retrying } from './retry.ts'

test('a call that was given up before it began makes no try', async () => {
  let tries = 0
  const attempt = async () => ++tries
  const clock = fakeClock()
  await expect(retrying(attempt, { signal: AbortSignal.abort(), clock })).rejects.toMatchObject({ code: 'ABORTED' })
  const reason = new KeyfoldError('TIMEOUT', 'too late')
  await expect(retrying(attempt, { signal: AbortSignal.abort(reason), clock })).rejects.toBe(reason)
  expect(tries).toBe(0)
})
