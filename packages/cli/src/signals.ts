import type { EventEmitter } from 'node:events'

/** What a signal's end is told by: 128 and its number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

type Signal = keyof typeof exitCodes

/** The one interruption of a run. */
export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** The exit code of the signal that came; undefined before. */
  exitCode(): number | undefined
}

/**
 * The first signal lets a run unwind and remove its temporary files; from then on each signal, of whatever kind, ends the
 * process as it stands.
 */
export function listenForSignals(process: EventEmitter): Interruption {
  const controller = new AbortController()
  let interruptedBy: Signal | undefined
  // the object's own keys
  const signals = Object.keys(exitCodes) as Signal[]
  const interrupt = (signal: Signal): void => {
    interruptedBy = signal
    for (const each of signals) process.removeListener(each, interrupt)
    controller.abort()
  }
  for (const each of signals) process.on(each, interrupt)
  return {
    signal: controller.signal,
    exitCode: () => interruptedBy && exitCodes[interruptedBy],
  }
}
