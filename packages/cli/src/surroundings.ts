import type { Readable, Writable } from 'node:stream'
import type { LoadPackage } from './adapters.ts'

/** What a command has around it, besides the file system. */
export interface Surroundings {
  readonly stdin: Readable
  /** Somebody has to listen to its errors, and to standard error's: those of help are dropped. */
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal
  /** Finds the packages of adapters; by default those that are installed where this command is. */
  readonly loadPackage?: LoadPackage
}

/** Writes all of it, and waits until it has left. @throws what the stream failed with, such as `EPIPE` */
export function writeTo(stream: Writable, content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(content, (error) => (error === null || error === undefined ? resolve() : reject(error)))
  })
}
