import { execFileSync } from 'node:child_process'
import { median } from './measure.ts'

/** What importing the built core costs a new process, in milliseconds over an empty script. */
export interface ImportTime {
  readonly emptyMs: readonly number[]
  readonly importMs: readonly number[]
  /** The median of the rounds' differences. */
  readonly differenceMs: number
}

/** Processes in turn: empty, importing, empty, importing … */
export function measureImport(rounds: number): ImportTime {
  const core = import.meta.resolve('@keyfold/core')
  const emptyMs: number[] = []
  const importMs: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const empty = timeScript('')
    const importing = timeScript(`import ${JSON.stringify(core)}`)
    if (round === 0) continue // fills the disk's caches
    emptyMs.push(empty)
    importMs.push(importing)
  }
  const differenceMs = median(importMs.map((ms, round) => ms - (emptyMs[round] ?? Number.NaN)))
  return { emptyMs, importMs, differenceMs }
}

function timeScript(script: string): number {
  const startedAt = performance.now()
  execFileSync(process.execPath, ['--input-type=module', '--eval', script])
  return performance.now() - startedAt
}
