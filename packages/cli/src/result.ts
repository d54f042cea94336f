import { printable } from './printable.ts'
import { type Surroundings, writeToStderr, writeToStdout } from './surroundings.ts'

/** What a command tells about what it has done. */
export interface Result {
  /** `-` where the bytes themselves went to standard output. */
  readonly output: string
  readonly json: boolean
  /** Whether people need no sentence. */
  readonly quiet: boolean
  /** One sentence for people. */
  readonly text: string
  /** The same for programs. */
  readonly result: object
}

/**
 * Tells about a result that is bytes: people on standard error, programs on standard output unless the bytes went there.
 * People who see the bytes need no sentence.
 */
export async function tellResult(
  { output, json, quiet, text, result }: Result,
  surroundings: Surroundings,
): Promise<void> {
  const write = json && output !== '-' ? writeToStdout : writeToStderr
  if (json) await write(surroundings, `${JSON.stringify(result)}\n`)
  else if (output !== '-' && !quiet) await write(surroundings, `${printable(`${output}: ${text}`)}\n`)
}
