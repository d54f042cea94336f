import { type Surroundings, writeTo } from './surroundings.ts'
import { printable } from './table.ts'

/** What a command tells about what it has done. */
export interface Result {
  /** `-` where the bytes themselves went to standard output. */
  readonly output: string
  readonly json: boolean
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
  { output, json, text, result }: Result,
  { stdout, stderr }: Surroundings,
): Promise<void> {
  if (json) await writeTo(output === '-' ? stderr : stdout, `${JSON.stringify(result)}\n`)
  else if (output !== '-') await writeTo(stderr, `${printable(`${output}: ${text}`)}\n`)
}
