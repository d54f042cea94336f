import { inspect, KeyfoldError, type UnverifiedHeader } from '@keyfold/core'
import type { Command } from 'commander'
import { formatHeader, headerAsJson } from './header-table.ts'
import { readHead } from './input.ts'
import { type Surroundings, writeToStdout } from './surroundings.ts'

interface InspectFlags {
  readonly json?: boolean
}

const examples = `
Examples:
  See what a sealed file says of itself, without any key:
    $ keyfold inspect report.pdf.sealed
  Take one fact of it into a script:
    $ keyfold inspect --json report.pdf.sealed | jq -r .context.tenant

Nothing of a header is verified before the message is opened: anybody may have written it.
`

/** Adds the command `inspect`. */
export function addInspectCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('inspect')
    .summary("show a sealed file's header")
    .description("Shows a sealed file's header, unverified. Reads no more than that, and needs no key.")
    .argument('[file]', 'a sealed file, - for standard input', '-')
    .option('--json', 'as JSON: bytes in base64, the message id in hexadecimal digits')
    .addHelpText('after', examples)
    .action((file: string, flags: InspectFlags) => inspectFile(file, flags, surroundings))
}

async function inspectFile(file: string, { json = false }: InspectFlags, surroundings: Surroundings): Promise<void> {
  const header = await readHeader(file, surroundings)
  const text = json ? `${JSON.stringify(headerAsJson(header))}\n` : formatHeader(header)
  await writeToStdout(surroundings, text)
}

/** A sealed file's header, or standard input's for `-`: nothing after it is waited for. @throws KeyfoldError as `inspect` */
export async function readHeader(file: string, surroundings: Surroundings): Promise<UnverifiedHeader> {
  return inspect(await readHead(file, isHeaderOrNone, surroundings))
}

/** As much as the core reads of a header. */
const mostBytes = 2 ** 20

/** Whether more bytes would change nothing. A header that is cut is malformed, and so may be what is no header. */
function isHeaderOrNone(read: Uint8Array): boolean {
  const [version = 1] = read
  if (read.length >= mostBytes || (version > 2 && read.length > 1)) return true
  try {
    inspect(read)
    return true
  } catch (error) {
    return !(KeyfoldError.is(error) && error.code === 'MALFORMED_MESSAGE')
  }
}
