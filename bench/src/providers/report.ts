import type { DrawTable, Rows } from '../table.ts'
import type { Calls } from './calls.ts'
import type { Latency } from './latency.ts'

/** What one key of a service came to. */
export interface ProviderOutcome {
  readonly name: string
  readonly calls: Calls
  readonly latencies: readonly Latency[]
}

/** Our code may add so much to a call of the bare client. */
const addedTargetMs = 0.3

export function isMet({ calls, latencies }: ProviderOutcome): boolean {
  return isCacheMet(calls) && latencies.every(isAddedMet)
}

/** Once a data key is there, no message costs a call. */
function isCacheMet({ sealingCached, openingCached }: Calls): boolean {
  return sealingCached === 0 && openingCached === 0
}

function isAddedMet({ addedMs }: Latency): boolean {
  return addedMs <= addedTargetMs
}

const callHeads = ['requests', 'first message', 'sealing', 'opening', 'sealing, cached', 'opening, cached', 'met']

const latencyHeads = ['a call, in ms', 'keyfold', 'bare client', 'added', 'at most', 'met']

export function formatProviders(outcomes: readonly ProviderOutcome[], table: DrawTable): string {
  return `${table(callHeads, callRows(outcomes))}\n\n${table(latencyHeads, latencyRows(outcomes))}`
}

function callRows(outcomes: readonly ProviderOutcome[]): Rows {
  return outcomes.map(({ name, calls }) => {
    const { first, sealing, opening, sealingCached, openingCached } = calls
    const counts = [first, sealing, opening, sealingCached, openingCached].map(String)
    return [name, ...counts, isCacheMet(calls) ? 'yes' : 'NO']
  })
}

function latencyRows(outcomes: readonly ProviderOutcome[]): Rows {
  return outcomes.flatMap(({ name, latencies }) =>
    latencies.map((latency) => [
      `${name}: ${latency.operation}`,
      ...[latency.keyfoldMs, latency.bareMs, latency.addedMs].map((ms) => ms.toFixed(2)),
      String(addedTargetMs),
      isAddedMet(latency) ? 'yes' : 'NO',
    ]),
  )
}
