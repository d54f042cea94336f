import type { Readable, Writable } from 'node:stream'
import type { LoadPackage } from './adapters.ts'
import { demandNotInterrupted, fileFailure, interrupted } from './failure.ts'

/** A stream that may be a terminal. */
export type Output = Writable & {
  readonly isTTY?: boolean
  /** Width of the terminal, in characters. */
  readonly columns?: number
}

/** What a command has around it, besides the file system. */
export interface Surroundings {
  readonly stdin: Readable
  /** Somebody has to listen to its errors, and to standard error's: those of help are dropped. */
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal
  /** Finds the packages of adapters; by default those that are installed where this command is. */
  readonly loadPackage?: LoadPackage
}

/**
 * Writes all of it to standard output, and waits until it has left. Nothing of a failed write may stay unsaid: a reader that
 * is gone would otherwise look like success.
 *
 * @throws KeyfoldError such as `UNAVAILABLE` where its reader is gone, `ABORTED` where the run is interrupted
 */
export async function writeToStdout({ stdout, signal }: Surroundings, content: string | Uint8Array): Promise<void> {
  demandNotInterrupted(signal)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // A reader that has stopped reading, and is not gone, would hold an interrupted run for ever.
  const giveUp = (): void => reject(interrupted())
  signal.addEventListener('abort', giveUp)
  write(stdout, content).then(resolve, reject)
  try {
    await promise
  } catch (error) {
    throw fileFailure('standard output', error)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Writes all of it to standard error, an interrupted run's last words too. @throws KeyfoldError */
export async function writeToStderr({ stderr }: Surroundings, text: string): Promise<void> {
  try {
    await write(stderr, text)
  } catch (error) {
    throw fileFailure('standard error', error)
  }
}

function write(stream: Writable, content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(content, (error) => (error === null || error === undefined ? resolve() : reject(error)))
  })
}
