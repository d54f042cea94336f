/** Something that is counted, not timed: once, since it does not depend on how busy the machine is. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The most that it may be. */
  readonly target: number
  /** What others come to, where they were counted too. */
  readonly esdk?: number
  readonly floor?: number
}

/** A figure that is yet to be counted; several that come of one run are counted together. */
export interface Count {
  readonly name: string
  figures(): Promise<readonly Figure[]>
}
