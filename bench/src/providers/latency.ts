import { type EncryptedDataKey, type KeyProvider, SecretBytes } from '@keyfold/core'
import { median } from '../measure.ts'
import { bound } from './context.ts'
import type { ServiceKey } from './service-key.ts'

/** Milliseconds of one operation through Keyfold and through the bare client. */
export interface Latency {
  readonly operation: 'wrap' | 'unwrap'
  readonly pairs: number
  readonly keyfoldMs: number
  readonly bareMs: number
  /** The median of what each pair differs by; not the difference of the medians, which drift with the machine. */
  readonly addedMs: number
}

const warmUpPairs = 200

/** Times pairs of one call each, the one of them and the other going first by turns. */
export async function measureLatency({ keys, bare }: ServiceKey, pairs: number): Promise<readonly Latency[]> {
  const dataKey = SecretBytes.from(crypto.getRandomValues(new Uint8Array(32)))
  const entry = await wrap(keys, dataKey)
  const ciphertext = await bare.wrap(dataKey.bytes)
  if (Buffer.compare(dataKey.bytes, await bare.unwrap(entry.ciphertext)) !== 0) {
    throw new Error(`${keys.name}: the bare client opens our entry to something else`)
  }
  const wraps = { keyfold: () => wrap(keys, dataKey), bare: () => bare.wrap(dataKey.bytes) }
  const unwraps = { keyfold: () => unwrap(keys, entry), bare: () => bare.unwrap(ciphertext) }
  return [
    { operation: 'wrap', ...(await timePairs(wraps, pairs)) },
    { operation: 'unwrap', ...(await timePairs(unwraps, pairs)) },
  ]
}

interface Pair {
  keyfold(): Promise<unknown>
  bare(): Promise<unknown>
}

async function timePairs({ keyfold, bare }: Pair, pairs: number): Promise<Omit<Latency, 'operation'>> {
  const [ours, theirs, added]: [number[], number[], number[]] = [[], [], []]
  for (let pair = -warmUpPairs; pair < pairs; pair++) {
    const early = pair % 2 === 0 ? await time(keyfold) : undefined
    const bareMs = await time(bare)
    const keyfoldMs = early ?? (await time(keyfold))
    if (pair < 0) continue
    ours.push(keyfoldMs)
    theirs.push(bareMs)
    added.push(keyfoldMs - bareMs)
  }
  return { pairs, keyfoldMs: median(ours), bareMs: median(theirs), addedMs: median(added) }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** A signal of its own for each call, as core gives one. */
function callOptions(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal }
}

async function wrap(keys: KeyProvider, dataKey: SecretBytes): Promise<EncryptedDataKey> {
  if (keys.wrapDataKey === undefined) throw new Error(`${keys.name} does not seal`)
  return keys.wrapDataKey({ dataKey, ...bound }, callOptions())
}

async function unwrap(keys: KeyProvider, entry: EncryptedDataKey): Promise<void> {
  if (keys.unwrapDataKey === undefined) throw new Error(`${keys.name} does not open`)
  const dataKey = await keys.unwrapDataKey({ entry, length: 32, ...bound }, callOptions())
  dataKey[Symbol.dispose]()
}
