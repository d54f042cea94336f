import { keyConcerns } from '../keys/key-provider.ts'
import { demand } from './assert.ts'
import { unhurried } from './bench.ts'
import type { CaseRow } from './row.ts'

const states: readonly unknown[] = ['enabled', 'disabled', 'pending-deletion', 'destroyed']
const rotations: readonly unknown[] = ['on', 'off', undefined]
const concernWords: readonly unknown[] = keyConcerns

/** What a provider tells of its key, and how it ends. Closing comes last of all cases. */
export const lifecycleCases: readonly CaseRow[] = [
  {
    name: 'describes its key as enabled',
    applies: 'describes',
    async run({ provider }) {
      const health = await provider.describe?.(unhurried())
      demand(typeof health === 'object' && health !== null, 'describe: expected an object')
      const { state, version, rotation, concerns = [] } = health
      demand(states.includes(state), `describe: state: expected one of ${states.join(', ')}`)
      // The key seals and opens in every other case.
      demand(state === 'enabled', `describe: state: ${state}, of a key that works`)
      demand(rotations.includes(rotation), 'describe: rotation: expected on, off or nothing')
      const named = version === undefined || (typeof version === 'string' && version !== '')
      demand(named, 'describe: version: expected text that is not empty, or nothing')
      const known = Array.isArray(concerns) && concerns.every((concern) => concernWords.includes(concern))
      demand(known, `describe: concerns: expected a list of ${keyConcerns.join(', ')}, or nothing`)
    },
  },
  {
    name: 'closes, and closes again',
    applies: 'closes',
    async run({ provider }) {
      await provider.close?.()
      await provider.close?.()
      await Promise.all([provider.close?.(), provider.close?.()])
    },
  },
]
