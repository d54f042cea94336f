import type { Contender, ContenderName } from './work.ts'

/** Seconds for the work done once: a sample a round, in the order of the rounds. */
export type Samples = Readonly<Partial<Record<ContenderName, readonly number[]>>>

/** Long enough that a timer's grain and one scavenge do not show. */
const sampleSeconds = 0.08

/**
 * Times every contender of a work in turn, round after round (A B C A B C …), so that a machine whose speed drifts slows
 * all alike; ratios within a round then hold.
 */
export async function measure(contenders: readonly Contender[], rounds: number): Promise<Samples> {
  const runs = new Map<Contender, number>()
  for (const contender of contenders) {
    await contender.check(await contender.run())
    runs.set(contender, await warmUp(contender))
  }
  const samples = new Map<ContenderName, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [contender, count] of runs) {
      samples.get(contender.name)?.push((await time(contender, count)) / count / (contender.part ?? 1))
    }
  }
  return Object.fromEntries(samples)
}

/** Runs a contender until it is compiled, and says how often to run it for one sample. */
async function warmUp(contender: Contender): Promise<number> {
  let count = 1
  let seconds = 0
  for (let warmed = 0; warmed < 4 * sampleSeconds; warmed += seconds) {
    seconds = await time(contender, count)
    if (seconds < sampleSeconds / 2) count *= 2
  }
  return Math.max(1, Math.round((count * sampleSeconds) / seconds))
}

/**
 * All garbage is collected before a sample, untimed, and the young generation after it, timed: everybody pays for its own.
 * Otherwise who allocates least leaves its dead ciphers and keys to be ended in the next contender's time.
 */
async function time(contender: Contender, count: number): Promise<number> {
  collect('major')
  const startedAt = performance.now()
  for (let run = 0; run < count; run++) {
    const result = contender.run()
    if (result instanceof Promise) await result
  }
  collect('minor')
  return (performance.now() - startedAt) / 1000
}

function collect(type: 'major' | 'minor'): void {
  if (globalThis.gc === undefined) throw new Error('run it with node --expose-gc')
  globalThis.gc({ type })
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** How many times as fast as `other` ours is: the median of the rounds' own ratios. */
export function speedAgainst(samples: Samples, other: ContenderName): number | undefined {
  const ours = samples.keyfold
  const theirs = samples[other]
  if (ours === undefined || theirs === undefined) return undefined
  return median(theirs.map((seconds, round) => seconds / (ours[round] ?? Number.NaN)))
}
