// One process runs file after file: what a test file leaves of the environment, the globals and the timers is put back before the next.
import { afterAll, vi } from 'vitest'

afterAll(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})
