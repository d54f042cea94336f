import { KeyfoldError } from '@keyfold/core'
import { expect, test } from 'vitest'
import { remembered } from './remembered.ts'

test('whoever has left already is told so, and asks for nothing', async () => {
  let asked = 0
  const ask = remembered(async () => ++asked)
  await expect(ask({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  const reason = new KeyfoldError('TIMEOUT', 'too late')
  await expect(ask({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(asked).toBe(0)
  const call = { signal: new AbortController().signal }
  expect([await ask(call), await ask(call)]).toEqual([1, 1])
  await expect(ask({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
})
