import type { Figure } from './figure.ts'
import type { ImportTime } from './import-time.ts'
import { median, type Samples, speedAgainst } from './measure.ts'
import { type DrawTable, markdownTable, type Rows, terminalTable } from './table.ts'
import type { ContenderName, Work } from './work.ts'

/** What one work came to. */
export interface Outcome {
  readonly name: string
  /** How often a second the work was done, by the median of the samples. */
  readonly perSecond: Readonly<Partial<Record<ContenderName, number>>>
  /** How many times as fast as each other contender ours is. */
  readonly speedAgainst: Readonly<Partial<Record<ContenderName, number>>>
  readonly targets: Work['targets']
  readonly met: boolean
  readonly mebibytes: number | undefined
  readonly samples: Samples
}

const shown: readonly ContenderName[] = ['keyfold', 'esdk', 'jose', 'age', 'floor']
const others: readonly ContenderName[] = [...shown.slice(1), 'plain', 'bare', 'uncached']
/** Told where there is no target too: how much of what is possible was reached. */
const bounds: readonly ContenderName[] = ['floor', 'plain', 'bare']

export function outcomeOf(work: Work, samples: Samples): Outcome {
  const perSecond: Partial<Record<ContenderName, number>> = {}
  for (const [name, seconds] of Object.entries(samples)) perSecond[name as ContenderName] = 1 / median(seconds) // its keys
  const against: Partial<Record<ContenderName, number>> = {}
  for (const other of others) {
    const speed = speedAgainst(samples, other)
    if (speed !== undefined) against[other] = speed
  }
  const met = others.every((other) => (against[other] ?? Number.POSITIVE_INFINITY) >= (work.targets[other] ?? 0))
  const { name, mebibytes, targets } = work
  return { name, mebibytes, perSecond, speedAgainst: against, targets, met, samples }
}

/** All that a run came to. */
export interface Results {
  readonly outcomes: readonly Outcome[]
  readonly figures: readonly Figure[]
  readonly importTime: ImportTime | undefined
}

export function isMet({ outcomes, figures, importTime }: Results): boolean {
  return outcomes.every(({ met }) => met) && figures.every(holds) && (importTime?.differenceMs ?? 0) <= importTargetMs
}

function holds({ value, target }: Figure): boolean {
  return value <= target
}

/** Importing may cost so much more than an empty script. */
const importTargetMs = 35

const workHeads = ['work', ...shown, 'times as fast as (target)', 'met']

const figureHeads = ['counted', 'keyfold', 'esdk', 'floor', 'at most', 'met']

function workRows(outcomes: readonly Outcome[]): Rows {
  return outcomes.map((outcome) => [
    outcome.name,
    ...shown.map((name) => speedOf(outcome, name)),
    ratiosOf(outcome),
    outcome.met ? 'yes' : 'NO',
  ])
}

function speedOf({ perSecond, mebibytes }: Outcome, name: ContenderName): string {
  const value = perSecond[name]
  if (value === undefined) return '–'
  return mebibytes === undefined ? `${digits(value)}/s` : `${digits(value * mebibytes)} MiB/s`
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** Those that have a target, and the bounds. */
function ratiosOf({ speedAgainst: against, targets }: Outcome): string {
  const told = others.flatMap((other) => {
    const ratio = against[other]
    const target = targets[other]
    if (ratio === undefined || (target === undefined && !bounds.includes(other))) return []
    return `${other} ${ratio.toPrecision(2)}${target === undefined ? '' : ` (${target})`}`
  })
  return told.join(', ')
}

function importLine({ differenceMs, emptyMs }: ImportTime): string {
  const empty = median(emptyMs).toFixed(0)
  const met = differenceMs <= importTargetMs ? 'met' : 'NOT MET'
  return `importing @keyfold/core (built): ${differenceMs.toFixed(1)} ms more than an empty script's ${empty} ms (target ${importTargetMs}, ${met}).`
}

function figureRows(figures: readonly Figure[]): Rows {
  return figures.map((figure) => {
    const amount = (value: number | undefined): string =>
      value === undefined ? '–' : `${Number(value.toFixed(1))} ${figure.unit}`.trimEnd()
    const amounts = [figure.value, figure.esdk, figure.floor, figure.target].map(amount)
    return [figure.name, ...amounts, holds(figure) ? 'yes' : 'NO']
  })
}

export function formatTerminal(results: Results): string {
  return format(results, terminalTable)
}

export function formatMarkdown(results: Results): string {
  return format(results, markdownTable)
}

/** What there is of the tables and the line. */
function format({ outcomes, figures, importTime }: Results, table: DrawTable): string {
  const parts: string[] = []
  if (outcomes.length > 0) parts.push(table(workHeads, workRows(outcomes)))
  if (figures.length > 0) parts.push(table(figureHeads, figureRows(figures)))
  if (importTime !== undefined) parts.push(importLine(importTime))
  return parts.join('\n\n')
}
