import { coldCalls } from './cold-calls.ts'
import type { Count } from './figure.ts'
import { peakMemory } from './peak-memory.ts'
import { rangeCost } from './range-cost.ts'

/** Everything that is counted. */
export const counts: readonly Count[] = [peakMemory, rangeCost, coldCalls]
