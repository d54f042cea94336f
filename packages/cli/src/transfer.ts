import { type Duplex, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileFailure } from './failure.ts'
import { type Input, openInput } from './input.ts'
import { type Target, type WriteResult, withOutput } from './output.ts'
import { type Progress, startProgress } from './progress.ts'
import type { Surroundings } from './surroundings.ts'

/** What goes from where, through what, to where. */
export interface TransferOptions<Through extends Duplex> {
  /** A file, or `-` for standard input. */
  readonly file: string
  readonly target: Target
  /** What is done, for people: `sealing`. */
  readonly action: string
  /** Whether to show no progress. */
  readonly quiet: boolean
  /** Makes what the bytes go through; a key may be called for it, so it comes last. */
  readonly start: (input: Input) => Through
}

/** What has gone through. */
export interface Transferred<Through> {
  readonly through: Through
  readonly inputBytes: number
  readonly outputBytes: number
}

/**
 * Streams a file of any size through a transformation to its target, in constant memory. The target's temporary file is
 * there only once the input is open.
 */
export async function transfer<Through extends Duplex>(
  { file, target, action, quiet, start }: TransferOptions<Through>,
  surroundings: Surroundings,
): Promise<Transferred<Through>> {
  const input = await openInput(file, surroundings)
  try {
    return await withOutput(target, surroundings, async (write) => {
      const { name, size: totalBytes } = input
      const { output } = target
      const progress = startProgress({ title: `${action} ${name}`, totalBytes, output, quiet }, surroundings)
      try {
        const through = start(input)
        return { through, ...(await pump({ input, through, write, progress }, surroundings.signal)) }
      } finally {
        progress.stop()
      }
    })
  } finally {
    input.stream.destroy()
  }
}

interface Stages {
  readonly input: Input
  readonly through: Duplex
  readonly write: WriteResult
  readonly progress: Progress
}

async function pump(
  { input, through, write, progress }: Stages,
  signal: AbortSignal,
): Promise<{ readonly inputBytes: number; readonly outputBytes: number }> {
  let inputBytes = 0
  let outputBytes = 0
  const count = new Transform({
    transform(chunk: Uint8Array, _encoding, callback) {
      inputBytes += chunk.length
      progress.add(chunk.length)
      callback(null, chunk)
    },
  })
  const drain = async (result: AsyncIterable<unknown>): Promise<void> => {
    // no encoding was set
    for await (const chunk of result as AsyncIterable<Uint8Array>) {
      await write(chunk)
      outputBytes += chunk.length
    }
  }
  try {
    await pipeline(input.stream, count, through, drain, { signal })
  } catch (error) {
    // What the transformation and the output fail with has a code already.
    throw fileFailure(input.name, error)
  }
  return { inputBytes, outputBytes }
}
