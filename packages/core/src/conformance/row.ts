import { type Bench, declares } from './bench.ts'
import type { FailureKind } from './subject.ts'

/** What a provider must be able to do for a case to say anything of it. */
export type Applies = 'always' | 'seals' | 'wraps' | 'generates' | 'unwraps' | 'round trip' | 'describes' | 'closes'

/** A case before it has a subject. */
export interface CaseRow {
  readonly name: string
  readonly applies: Applies
  /** What else of the subject the case needs. */
  readonly needs?: 'other' | 'expects' | 'stalled' | FailureKind
  run(bench: Bench): Promise<void>
}

export function appliesTo(applies: Applies, { provider, sealer, opener }: Bench): boolean {
  const wraps = declares(provider, 'wrapDataKey')
  const generates = declares(provider, 'generateDataKey')
  const rows: Readonly<Record<Applies, boolean>> = {
    always: true,
    seals: wraps || generates,
    wraps,
    generates,
    unwraps: declares(provider, 'unwrapDataKey') && sealer !== undefined,
    'round trip': sealer !== undefined && opener !== undefined,
    describes: declares(provider, 'describe'),
    closes: declares(provider, 'close'),
  }
  return rows[applies]
}
