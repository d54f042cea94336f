/** One piece of work, and who does it. */
export interface Work {
  readonly name: string
  /** Given where a run is long: its speed is then told in MiB a second. */
  readonly mebibytes?: number
  /** Each is made in the process that it has to itself. Ours comes first; what the others are is in bench/README.md. */
  readonly contenders: Readonly<Partial<Record<ContenderName, () => Contender | Promise<Contender>>>>
  /** How ours has to compare with another: at least so many times as fast. */
  readonly targets: Readonly<Partial<Record<ContenderName, number>>>
}

export type ContenderName = 'keyfold' | 'esdk' | 'jose' | 'age' | 'floor' | 'plain' | 'bare' | 'uncached'

export interface Contender {
  /** How much of the work one run does, where all of it would take too long: its time is told for all. Default 1. */
  readonly part?: number
  /** Does the work once; its result is only looked at by `check`. */
  run(): unknown
  /** Throws where a result is wrong: nobody is timed at doing something else. */
  check(result: unknown): Promise<void> | void
}

/** Throws where two byte strings differ. */
export function demandSame(actual: unknown, expected: Uint8Array): void {
  if (actual instanceof Uint8Array && Buffer.compare(actual, expected) === 0) return
  throw new Error('a contender gave another result')
}
