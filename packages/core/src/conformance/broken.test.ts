// The kit catches what it is there for: each broken provider is refused by the case that is meant for it, and no case is
// without a provider that only it would refuse.
import { expect, test } from 'vitest'
import { brokenBindings } from './broken-binding.test-support.ts'
import { brokenCalls } from './broken-calls.test-support.ts'
import { brokenErrors } from './broken-errors.test-support.ts'
import { brokenKeys } from './broken-keys.test-support.ts'
import { brokenOpenings } from './broken-opening.test-support.ts'
import { keyProviderCases } from './cases.ts'
import { subjectOf, verdict } from './sound.test-support.ts'

const rows = [...brokenKeys, ...brokenBindings, ...brokenOpenings, ...brokenCalls, ...brokenErrors]
const names = keyProviderCases(subjectOf()).map(({ name }) => name)

test.each(names)('a sound provider: %s', async (name) => {
  expect(await verdict(subjectOf(), name)).toBeUndefined()
})

test.each(rows.map((row) => [row.what, row.caughtBy, row.subject] as const))(
  'catches a provider with this: %s, by: %s',
  async (_, caughtBy, subject) => {
    expect(await verdict(subject(), caughtBy)).toEqual(expect.any(String))
  },
)

test('has a broken provider for every case', () => {
  const meant = new Set(rows.map(({ caughtBy }) => caughtBy))
  expect(names.filter((name) => !meant.has(name))).toEqual([])
})
