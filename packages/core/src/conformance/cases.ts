import { KeyfoldError } from '../errors.ts'
import { abortCases } from './abort-cases.ts'
import { benchOf } from './bench.ts'
import { contextCases } from './context-cases.ts'
import { damageCases } from './damage-cases.ts'
import { entryCases } from './entry-cases.ts'
import { failureCases } from './failure-cases.ts'
import { identityCases } from './identity-cases.ts'
import { lifecycleCases } from './lifecycle-cases.ts'
import { ownershipCases } from './ownership-cases.ts'
import { roundTripCases } from './round-trip-cases.ts'
import { appliesTo, type CaseRow } from './row.ts'
import type { ConformanceCase, KeyProviderSubject } from './subject.ts'

const rows: readonly CaseRow[] = [
  ...identityCases,
  ...roundTripCases,
  ...entryCases,
  ...contextCases,
  ...damageCases,
  ...ownershipCases,
  ...abortCases,
  ...failureCases,
  ...lifecycleCases,
]

/**
 * Every case that an implementation of `KeyProvider` must pass, in any order but for the last. Makes no provider: each case
 * asks for one when it is run.
 *
 * A case about a capability that the provider does not declare has nothing to say and passes; that core refuses what is
 * not declared is a case of its own. What the subject gives no means for (`other`, `expects`,
 * `stalled`, one of `failures`) is skipped.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for an exclusion of a name that no case has, or without a reason
 */
export function keyProviderCases(subject: KeyProviderSubject): readonly ConformanceCase[] {
  const exclusions = new Map(Object.entries(subject.exclusions ?? {}))
  demandExclusions(exclusions)
  return rows.map((row) => {
    const reason = exclusions.get(row.name) ?? missing(row, subject)
    return reason === undefined
      ? { name: row.name, run: () => runRow(row, subject) }
      : { name: row.name, skip: reason, run: async () => undefined }
  })
}

function demandExclusions(exclusions: ReadonlyMap<string, string>): void {
  for (const [name, reason] of exclusions) {
    if (!rows.some((row) => row.name === name)) {
      throw new KeyfoldError('INVALID_ARGUMENT', `exclusions: there is no case ${JSON.stringify(name)}`)
    }
    if (typeof reason !== 'string' || reason.trim() === '') {
      throw new KeyfoldError('INVALID_ARGUMENT', `exclusions: ${JSON.stringify(name)} has no reason`)
    }
  }
}

function missing({ needs }: CaseRow, subject: KeyProviderSubject): string | undefined {
  if (needs === undefined) return undefined
  if (needs === 'expects') return subject.expects === undefined ? 'the subject has no expects' : undefined
  if (needs === 'other' || needs === 'stalled') {
    return subject[needs] === undefined ? `the subject has no ${needs}()` : undefined
  }
  return subject.failures?.[needs] === undefined ? `the subject has no failures.${needs}` : undefined
}

async function runRow(row: CaseRow, subject: KeyProviderSubject): Promise<void> {
  const bench = await benchOf(subject)
  if (appliesTo(row.applies, bench)) await row.run(bench)
}
