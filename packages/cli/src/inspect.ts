import { inspect } from '@keyfold/core'
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

/** As much as the core reads of a header. */
const headBytes = 2 ** 20

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
  const header = inspect(await readHead(file, headBytes, surroundings))
  const text = json ? `${JSON.stringify(headerAsJson(header))}\n` : formatHeader(header)
  await writeToStdout(surroundings, text)
}
