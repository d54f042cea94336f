import { KeyfoldError } from '../errors.ts'
import { formatSuiteId, type Suite, suites } from './table.ts'

/**
 * Whether messages must commit to their key. A message without a commitment can be made to open under two keys to two
 * different plaintexts, so the default neither writes nor reads one; the other two are for moving old data.
 * Source: commitment-policy.md
 */
export type CommitmentPolicy =
  | 'require-encrypt-require-decrypt'
  | 'require-encrypt-allow-decrypt'
  | 'forbid-encrypt-allow-decrypt'

interface PolicyRow {
  readonly sealsCommitting: boolean
  readonly opensUncommitted: boolean
  readonly defaultSuite: number
  readonly defaultSignedSuite: number
}

const policies: Readonly<Record<CommitmentPolicy, PolicyRow>> = {
  'require-encrypt-require-decrypt': {
    sealsCommitting: true,
    opensUncommitted: false,
    defaultSuite: 0x0478,
    defaultSignedSuite: 0x0578,
  },
  'require-encrypt-allow-decrypt': {
    sealsCommitting: true,
    opensUncommitted: true,
    defaultSuite: 0x0478,
    defaultSignedSuite: 0x0578,
  },
  'forbid-encrypt-allow-decrypt': {
    sealsCommitting: false,
    opensUncommitted: true,
    defaultSuite: 0x0178,
    defaultSignedSuite: 0x0378,
  },
}

/** @throws KeyfoldError `INVALID_ARGUMENT` for a name that is no policy */
export function demandPolicy(policy: unknown): CommitmentPolicy {
  if (typeof policy === 'string' && Object.hasOwn(policies, policy)) return policy as CommitmentPolicy // a key of the table
  throw new KeyfoldError('INVALID_ARGUMENT', `commitmentPolicy: expected one of ${Object.keys(policies).join(', ')}`)
}

/**
 * The suite to seal with.
 *
 * @param suite the format's number, or undefined for the policy's default
 * @param sign whether the caller asked for a signature; undefined leaves it to the suite
 * @throws KeyfoldError `INVALID_ARGUMENT` for a number that is no suite, or one that contradicts `sign`;
 *   `POLICY_VIOLATION` for one that contradicts the policy
 */
export function suiteToSeal(policy: CommitmentPolicy, suite: number | undefined, sign: boolean | undefined): Suite {
  const row = policies[policy]
  const byDefault = sign === true ? row.defaultSignedSuite : row.defaultSuite
  const id = suite === undefined ? byDefault : suite
  const chosen = suites.get(id)
  if (chosen === undefined) {
    const known = [...suites.keys()].map(formatSuiteId).join(', ')
    throw new KeyfoldError('INVALID_ARGUMENT', `suite ${String(id)}: expected the number of one of ${known}`)
  }
  if (sign !== undefined && sign !== (chosen.signature !== undefined)) {
    const does = chosen.signature === undefined ? 'does not sign' : 'signs'
    throw new KeyfoldError('INVALID_ARGUMENT', `suite ${formatSuiteId(id)} ${does}, but sign is ${sign}`)
  }
  if (chosen.committing !== row.sealsCommitting) {
    const does = chosen.committing ? 'commits to its key' : 'does not commit to its key'
    throw new KeyfoldError('POLICY_VIOLATION', `suite ${formatSuiteId(id)} ${does}: ${policy} does not write it`)
  }
  return chosen
}

/** @throws KeyfoldError `POLICY_VIOLATION` where the policy does not read messages of this suite */
export function demandMayOpen(policy: CommitmentPolicy, suite: Suite): void {
  if (suite.committing || policies[policy].opensUncommitted) return
  throw new KeyfoldError(
    'POLICY_VIOLATION',
    `the message's suite ${formatSuiteId(suite.id)} does not commit to its key: ${policy} does not read it`,
  )
}
