import Table from 'cli-table3'
import type { ImportTime } from './import-time.ts'
import { median, type Samples, speedAgainst } from './measure.ts'
import type { ContenderName, Work } from './work.ts'

/** What one work came to. */
export interface Outcome {
  readonly name: string
  /** Operations a second, by the median of the samples. */
  readonly perSecond: Readonly<Partial<Record<ContenderName, number>>>
  /** How many times as fast as each other contender ours is. */
  readonly speedAgainst: Readonly<Partial<Record<ContenderName, number>>>
  readonly targets: Work['targets']
  readonly met: boolean
  readonly samples: Samples
}

const others: readonly ContenderName[] = ['esdk', 'jose', 'age', 'floor']

export function outcomeOf(work: Work, samples: Samples): Outcome {
  const perSecond: Partial<Record<ContenderName, number>> = {}
  for (const { name } of work.contenders) perSecond[name] = 1 / median(samples[name] ?? [])
  const against: Partial<Record<ContenderName, number>> = {}
  for (const other of others) {
    const speed = speedAgainst(samples, other)
    if (speed !== undefined) against[other] = speed
  }
  const met = others.every((other) => (against[other] ?? Number.POSITIVE_INFINITY) >= (work.targets[other] ?? 0))
  return { name: work.name, perSecond, speedAgainst: against, targets: work.targets, met, samples }
}

/** Importing may cost so much more than an empty script. */
export const importTargetMs = 35

const heads = ['work', 'keyfold', 'esdk', 'jose', 'age', 'floor', '× esdk (target)', '× floor (target)', 'met']

/** The rows of the table, for a terminal and for Markdown alike. */
function rows(outcomes: readonly Outcome[]): readonly (readonly string[])[] {
  return outcomes.map((outcome) => [
    outcome.name,
    ...(['keyfold', ...others] as const).map((name) => perSecondOf(outcome, name)),
    ratioOf(outcome, 'esdk', 1),
    ratioOf(outcome, 'floor', 2),
    outcome.met ? 'yes' : 'NO',
  ])
}

function perSecondOf({ perSecond }: Outcome, name: ContenderName): string {
  const value = perSecond[name]
  return value === undefined ? '–' : `${value >= 100 ? Math.round(value) : value.toPrecision(3)}/s`
}

function ratioOf({ speedAgainst: against, targets }: Outcome, other: ContenderName, digits: number): string {
  const ratio = against[other]
  return ratio === undefined ? '–' : `${ratio.toFixed(digits)} (${targets[other] ?? '–'})`
}

function importLine({ differenceMs, emptyMs }: ImportTime): string {
  const empty = median(emptyMs).toFixed(0)
  const met = differenceMs <= importTargetMs ? 'met' : 'NOT MET'
  return `importing @keyfold/core (built): ${differenceMs.toFixed(1)} ms more than an empty script's ${empty} ms (target ${importTargetMs}, ${met})`
}

export function formatTerminal(outcomes: readonly Outcome[], importTime: ImportTime | undefined): string {
  const table = new Table({ head: heads, style: { head: [], border: [] } })
  table.push(...rows(outcomes).map((row) => [...row]))
  return importTime === undefined ? table.toString() : `${table.toString()}\n${importLine(importTime)}`
}

export function formatMarkdown(outcomes: readonly Outcome[], importTime: ImportTime | undefined): string {
  const lines = [heads, heads.map(() => '---'), ...rows(outcomes)].map((row) => `| ${row.join(' | ')} |`)
  return importTime === undefined ? lines.join('\n') : `${lines.join('\n')}\n\n${importLine(importTime)}.`
}
