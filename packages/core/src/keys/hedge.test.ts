import { expect, test } from 'vitest'
import { fakeClock } from '../testing/index.ts'
import { hedge } from './hedge.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Contenders that settle when told to, under one clock. */
function race(count: number, patienceMs = 100) {
  const clock = fakeClock()
  const started: number[] = []
  const failures: unknown[] = []
  const runs = Array.from({ length: count }, () => Promise.withResolvers<string>())
  const contenders = runs.map(({ promise }, index) => ({
    patienceMs,
    start() {
      started.push(index)
      return promise
    },
  }))
  const onFailure = (error: unknown, index: number) => void failures.push([index, error])
  return { clock, started, failures, runs, contenders, onFailure }
}

test('nothing is started, told or timed after the first success', async () => {
  const { clock, started, failures, runs, contenders, onFailure } = race(4)
  const won = hedge(contenders, onFailure, clock)
  clock.advance(100)
  runs[1]?.resolve('second')
  expect(await won).toBe('second')
  runs[0]?.reject('late')
  clock.advance(1000)
  await turn()
  expect([started, failures, clock.pending]).toEqual([[0, 1], [], 0])
})

test('the last is started without a timer, and a contender of endless patience too', async () => {
  const alone = race(1)
  void hedge(alone.contenders, alone.onFailure, alone.clock)
  const patient = race(2, Number.POSITIVE_INFINITY)
  void hedge(patient.contenders, patient.onFailure, patient.clock)
  expect([alone.clock.pending, patient.clock.pending]).toEqual([0, 0])
  patient.runs[0]?.reject('no')
  await turn()
  expect([patient.started, patient.clock.pending]).toEqual([[0, 1], 0])
})

test('is undefined where all fail, or none is there', async () => {
  const { clock, failures, runs, contenders, onFailure } = race(2)
  const won = hedge(contenders, onFailure, clock)
  clock.advance(100)
  runs[1]?.reject('second')
  await turn()
  runs[0]?.reject('first')
  expect(await won).toBeUndefined()
  const told = [
    [1, 'second'],
    [0, 'first'],
  ]
  expect([failures, clock.pending]).toEqual([told, 0])
  expect(await hedge([], onFailure, clock)).toBeUndefined()
})

test('what is thrown for a failure ends it', async () => {
  const { clock, started, runs, contenders } = race(3)
  const won = hedge(
    contenders,
    () => {
      throw new Error('enough')
    },
    clock,
  )
  runs[0]?.reject('first')
  await expect(won).rejects.toThrow('enough')
  expect([started, clock.pending]).toEqual([[0], 0])
})
