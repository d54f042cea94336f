import type { SecretBytes } from '../secret-bytes.ts'

/** What a message is sealed or opened with, as far as the cache must know it. The rest is the caller's. */
export interface Materials {
  readonly dataKey: SecretBytes
}

/** What a load gives. */
export interface Loaded<M extends Materials> {
  /** With a reference to the data key that is handed over. */
  readonly materials: M
  /** False for materials that serve whoever waits for them and nobody later: a recipient is missing. */
  readonly keep: boolean
}

/** @param signal fires when nobody waits for the load any longer */
export type Load<M extends Materials> = (signal: AbortSignal) => Promise<Loaded<M>>
