/**
 * For tests of code that uses Keyfold: a key service in memory that fails and waits on request, and a clock that is moved by
 * hand. Neither belongs into a running service: the keys die with the process.
 *
 * @example
 * ```ts
 * import { createEnvelope, KeyfoldError } from '@keyfold/core'
 * import { fakeClock, memoryKeys } from '@keyfold/core/testing'
 *
 * const clock = fakeClock()
 * const keys = memoryKeys({ clock })
 * const envelope = createEnvelope({ keys, clock, callTimeoutMs: 5000 })
 *
 * keys.hang({ times: 1 })
 * const sealing = envelope.encrypt(new Uint8Array(10)).catch((error: KeyfoldError) => error.code)
 * await clock.advanceAsync(5000)
 * console.log(await sealing) // TIMEOUT
 * console.log((await envelope.encrypt(new Uint8Array(10))).length > 10) // true
 * ```
 *
 * @module
 */
export { type FakeClock, type FakeClockOptions, fakeClock } from './fake-clock.ts'
export {
  type MemoryKeys,
  type MemoryKeysCall,
  type MemoryKeysOperation,
  type MemoryKeysOptions,
  type MemoryKeysTerms,
  memoryKeys,
} from './memory-keys.ts'
