import { vi } from 'vitest'
import { engine } from '#engine'
import type { MessageKey } from '../crypto/engine.ts'

/** Counts the message keys that are made, and how often one is disposed of, until `vi.restoreAllMocks`. */
export function countKeys(): { made: number; disposed: number } {
  const count = { made: 0, disposed: 0 }
  const messageKey = engine.messageKey.bind(engine)
  vi.spyOn(engine, 'messageKey').mockImplementation((...given) => {
    const key = messageKey(...given) as MessageKey // this engine answers at once
    const dispose = key[Symbol.dispose].bind(key)
    key[Symbol.dispose] = () => {
      count.disposed += 1
      dispose()
    }
    count.made += 1
    return key
  })
  return count
}
