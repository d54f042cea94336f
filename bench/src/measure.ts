import type { Contender, ContenderName } from './work.ts'

/** Seconds for the work done once: a sample a round, in the order of the rounds. */
export type Samples = Readonly<Partial<Record<ContenderName, readonly number[]>>>

/** A contender that is warm. */
export interface Runner {
  /** Seconds for the work done once: the mean over half a second. */
  sample(): Promise<number>
}

/** Long enough for the collector to come by itself many times: everybody pays for what they leave behind. */
const sampleSeconds = 0.5
const warmUpSeconds = 4 * sampleSeconds
/** How many of a sample's runs are made before it, untimed, to fill the processor's caches again. */
const runInShare = 0.2

/** Lets every contender do the work in turn, round after round (A B C A B C …): a machine that slows down slows all alike. */
export async function takeTurns(
  runners: Readonly<Partial<Record<ContenderName, Runner>>>,
  rounds: number,
): Promise<Samples> {
  const samples: Partial<Record<ContenderName, number[]>> = {}
  const all = Object.entries(runners) as [ContenderName, Runner][]
  for (let round = 0; round < rounds; round++) {
    for (const [name, runner] of all) {
      samples[name] ??= []
      samples[name].push(await runner.sample())
    }
  }
  return samples
}

/** Checks what a contender does, and runs it until it is compiled. */
export async function warmUp(contender: Contender): Promise<Runner> {
  await contender.check(await contender.run())
  let count = 1
  let seconds = 0
  for (let warmed = 0; warmed < warmUpSeconds; warmed += seconds) {
    seconds = await time(contender, count)
    if (seconds < sampleSeconds / 2) count *= 2
  }
  const runs = Math.max(1, Math.round((count * sampleSeconds) / seconds))
  return {
    async sample() {
      await time(contender, Math.ceil(runs * runInShare))
      return (await time(contender, runs)) / runs / (contender.part ?? 1)
    },
  }
}

/** Seconds for all of `count` runs. */
async function time(contender: Contender, count: number): Promise<number> {
  const startedAt = performance.now()
  for (let run = 0; run < count; run++) {
    const result = contender.run()
    if (result instanceof Promise) await result
  }
  return (performance.now() - startedAt) / 1000
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
