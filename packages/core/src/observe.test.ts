import { expect, test, vi } from 'vitest'
import { type KeyfoldEvent, tell } from './observe.ts'

const event: KeyfoldEvent = { type: 'recipient-missing', provider: 'p', providerId: 'id', code: 'UNSUPPORTED' }

test('an observer is told, at once', () => {
  const observer = vi.fn()
  tell(observer, () => event)
  expect(observer.mock.calls).toEqual([[event]])
})

test('an event is not even made where nobody listens', () => {
  const make = vi.fn(() => event)
  tell(undefined, make)
  expect(make).not.toHaveBeenCalled()
})

test('what an observer throws is dropped', () => {
  const observer = vi.fn(() => {
    throw new Error('observer')
  })
  expect(() => tell(observer, () => event)).not.toThrow()
  expect(observer).toHaveBeenCalledTimes(1)
})
