import { type Finding, rules, type Severity, severities } from './doctor-rules.ts'
import { printable } from './printable.ts'
import { formatTable } from './table.ts'

/** Advice on one key. */
export interface Advice {
  readonly rule: string
  readonly severity: Severity
  readonly says: string
  /** Empty where there is nothing to do. */
  readonly remedy: string
}

/** One key, and what is advised. */
export interface ExaminedKey {
  readonly finding: Finding
  readonly advice: readonly Advice[]
}

/** Holds every rule against every key. */
export function adviseOn(findings: readonly Finding[]): readonly ExaminedKey[] {
  return findings.map((finding) => {
    const matching = rules.filter(({ when }) => when(finding, findings))
    const advice = matching.map(({ rule, severity, says, remedy }) => {
      return { rule, severity, says: textOf(says, finding), remedy: textOf(remedy, finding) }
    })
    return { finding, advice }
  })
}

/** The gravest of all advice; undefined where there is none. */
export function gravest(keys: readonly ExaminedKey[]): Severity | undefined {
  const given = new Set(keys.flatMap(({ advice }) => advice.map(({ severity }) => severity)))
  return severities.findLast((severity) => given.has(severity))
}

/** For people: a row a key, and the advice, gravest first. */
export function formatReport(keys: readonly ExaminedKey[]): string {
  const table = formatTable([columns, ...keys.map(({ finding }) => cellsOf(finding))], '  ')
  const paragraphs = severities.toReversed().flatMap((severity) =>
    keys.flatMap(({ finding, advice }) =>
      advice
        .filter((each) => each.severity === severity)
        .map(({ rule, says, remedy }) => {
          const first = `${severity}  ${printable(finding.key)}: ${printable(says)} [${rule}]`
          return remedy === '' ? first : `${first}\n${' '.repeat(severity.length)}  ${remedy}`
        }),
    ),
  )
  return `${table}\n\n${paragraphs.length === 0 ? 'nothing to advise' : paragraphs.join('\n')}\n`
}

/** For programs. What a provider says of its key is passed on as it stands. */
export function reportAsJson(keys: readonly ExaminedKey[]): object {
  return {
    severity: gravest(keys) ?? 'ok',
    keys: keys.map(({ finding: { key, provider, health, failure }, advice }) => ({
      key,
      providerId: provider?.providerId,
      bindsContext: provider?.bindsContext,
      authenticatesWriter: provider?.authenticatesWriter,
      health,
      failure: failure && { code: failure.code, message: failure.message, retryable: failure.retryable },
      advice,
    })),
  }
}

const columns = ['key', 'provider', 'state', 'version', 'rotation', 'binds context', 'authenticates writer']

function cellsOf({ key, provider, health, failure }: Finding): readonly string[] {
  const { state = failure?.code, version, rotation } = health ?? {}
  const said = [provider?.providerId, state, version, rotation].map((text) => text ?? unsaid)
  return [key, ...said, yesOrNo(provider?.bindsContext), yesOrNo(provider?.authenticatesWriter)].map((cell) =>
    printable(cell),
  )
}

const unsaid = '-'

function yesOrNo(value: boolean | undefined): string {
  if (value === undefined) return unsaid
  return value ? 'yes' : 'no'
}

function textOf(text: string | ((finding: Finding) => string), finding: Finding): string {
  return typeof text === 'string' ? text : text(finding)
}
