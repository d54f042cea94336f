import type { ErrorCode, KeyConcern, KeyfoldError, KeyHealth, KeyProvider } from '@keyfold/core'
import { remedies } from './remedies.ts'

/** How much a piece of advice matters, least first. */
export const severities = ['notice', 'warning', 'error'] as const
export type Severity = (typeof severities)[number]

/** What examining one key brought to light. */
export interface Finding {
  /** The key's name; for a reference that opens none, its place in the command line. */
  readonly key: string
  /** Absent where the reference opens no key. */
  readonly provider?: KeyProvider
  /** Absent where the key has failed to describe itself, or cannot. */
  readonly health?: KeyHealth
  readonly failure?: KeyfoldError
}

/** One piece of advice: when it is given, and what it says. */
export interface Rule {
  /** Stable, for programs. */
  readonly rule: string
  readonly severity: Severity
  /** @param all the keys that were named together, this one included */
  readonly when: (finding: Finding, all: readonly Finding[]) => boolean
  readonly says: string | ((finding: Finding) => string)
  readonly remedy: string | ((finding: Finding) => string)
}

/** All that doctor knows. docs/doctor.md has the same rows. */
export const rules: readonly Rule[] = [
  {
    rule: 'failed',
    severity: 'error',
    when: (finding) => finding.failure !== undefined && !isDenied(finding),
    says: ({ failure }) => `${failure?.code}: ${failure?.message}`,
    remedy: ({ failure }) => (failure === undefined ? '' : (inOptions[failure.code] ?? remedies[failure.code])),
  },
  {
    rule: 'destroyed',
    severity: 'error',
    when: ({ health }) => health?.state === 'destroyed',
    says: 'the key is destroyed: it neither seals nor opens, and never will again',
    remedy: 'seal under another key; what was sealed under this one alone is lost',
  },
  {
    rule: 'pending-deletion',
    severity: 'error',
    when: ({ health }) => health?.state === 'pending-deletion',
    says: 'the key is to be deleted, and every message under it alone will be lost with it',
    remedy: 'cancel the deletion, or re-encrypt those messages under another key before it is due',
  },
  {
    rule: 'disabled',
    severity: 'error',
    when: ({ health }) => health?.state === 'disabled',
    says: 'the key is disabled: it does not seal',
    remedy: 'enable it in the key service',
  },
  {
    rule: 'describe-denied',
    severity: 'warning',
    when: isDenied,
    says: 'the service denies a look at the key, which may seal and open all the same: that is another right',
    remedy: 'grant whoever runs doctor the right to describe the key',
  },
  {
    rule: 'plain-http',
    severity: 'warning',
    when: reports('plain-http'),
    says: 'the service is called over http: whoever is on the way reads tokens and data keys',
    remedy: 'use an https address',
  },
  {
    rule: 'root-token',
    severity: 'warning',
    when: reports('root-token'),
    says: 'the token in use is a root token: whoever takes it from this process has the whole service',
    remedy: 'use a token whose policy allows this key alone, and revoke this one',
  },
  {
    rule: 'alias-moved',
    severity: 'warning',
    when: reports('alias-moved'),
    says: 'the alias has led to another key before, and does not open what that one sealed',
    remedy: 'name the former key in formerKeys (in a program), or as a further --key by its ARN',
  },
  {
    rule: 'weakest-member',
    severity: 'warning',
    when: (finding, all) => isOpenToWriters(finding) && all.some(authenticatesWriter),
    says: 'whoever has the public key can write messages that this any-of opens, however safe its other keys are',
    remedy: 'leave the key out of the any-of, or open with requireAuthenticatedWriter (in a program)',
  },
  {
    rule: 'open-to-writers',
    severity: 'warning',
    when: (finding, all) => isOpenToWriters(finding) && !all.some(authenticatesWriter),
    says: 'whoever has the public key can write messages that open under this key',
    remedy: 'do not take a message that opens for one of your own; use a symmetric key where that matters',
  },
  {
    rule: 'rotation-off',
    severity: 'warning',
    when: ({ health }) => health?.rotation === 'off',
    says: 'the service does not rotate the key by itself',
    remedy: 'turn rotation on; what is sealed already still opens',
  },
  {
    rule: 'binds-no-context',
    severity: 'notice',
    when: ({ provider }) => provider?.bindsContext === false,
    says: 'the service neither checks nor logs the context; the message alone protects it',
    remedy: 'use a key that binds the context where its rights or its audit log depend on it',
  },
  {
    rule: 'exposed-file',
    severity: 'notice',
    when: reports('exposed-file'),
    says: 'others than its owner have rights to the key file, so that its passphrase alone protects the keys',
    remedy: 'chmod 600 the key file',
  },
  {
    rule: 'other-concern',
    severity: 'notice',
    when: ({ health }) => health?.concerns?.some(isUnknown) === true,
    says: ({ health }) => `the provider reports ${health?.concerns?.filter(isUnknown).join(', ')}`,
    remedy: 'install a later keyfold, which may say more',
  },
  {
    rule: 'not-described',
    severity: 'notice',
    when: ({ provider, health, failure }) => provider !== undefined && health === undefined && failure === undefined,
    says: 'a key of this kind cannot tell how it is: it is only known once it seals or opens',
    remedy: '',
  },
]

/** Where the remedy of a code speaks of a program's options, and doctor has its own. */
const inOptions: Readonly<Partial<Record<ErrorCode, string>>> = {
  TIMEOUT: 'try again; raise --timeout if the service is slow',
}

/** Denied a look at a key that is configured. A file that must not be read, say, is no key at all. */
function isDenied({ provider, failure }: Finding): boolean {
  return provider !== undefined && failure?.code === 'ACCESS_DENIED'
}

function isOpenToWriters({ provider }: Finding): boolean {
  return provider?.authenticatesWriter === false
}

function authenticatesWriter({ provider }: Finding): boolean {
  return provider?.authenticatesWriter === true
}

/** Those that have a rule above: of an adapter that is newer than this command, there may be more. */
const advised: Readonly<Record<KeyConcern, true>> = {
  'plain-http': true,
  'root-token': true,
  'alias-moved': true,
  'exposed-file': true,
}

function isUnknown(concern: string): boolean {
  return !Object.hasOwn(advised, concern)
}

function reports(concern: KeyConcern): Rule['when'] {
  return ({ health }) => health?.concerns?.includes(concern) === true
}
