import { createEnvelope } from '@keyfold/core'
import { type Command, Option } from 'commander'
import { adapterHelp } from './adapters.ts'
import { formatBytes, maxMessageBytes, readInput } from './input.ts'
import { withKeys } from './keys.ts'
import { addMessageOptions, type MessageFlags, parseMilliseconds } from './options.ts'
import { withOutput } from './output.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'

interface DecryptFlags extends MessageFlags {
  readonly hedgeAfter?: number
}

const examples = `
Examples:
  Open a file, and make sure that it is this tenant's:
    $ keyfold decrypt report.pdf.sealed -o report.pdf --key local://keys.json --context tenant=t-42
  Open a pipe (nothing is printed before all of it is verified):
    $ keyfold decrypt --key local://keys.json < photos.sealed | tar x
  Open a message of the AWS Encryption SDK from before key commitment:
    $ keyfold decrypt old.sealed -o old --key local://keys.json --commitment-policy require-encrypt-allow-decrypt

Each pair of --context must be in the message, which may have more. A file that is refused leaves nothing behind, and the
exit code tells why: see keyfold exit-codes. A file of plaintext is readable by its owner alone.

${adapterHelp}
`

/** Adds the command `decrypt`. */
export function addDecryptCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('decrypt')
    .summary('open a file')
    .description('Opens a sealed file, or standard input, and writes its plaintext once all of it is verified.')
    .argument('[file]', 'what to open, - for standard input', '-')
  addMessageOptions(command)
    .addOption(
      new Option('--hedge-after <ms>', 'how long a key may take before the next is asked too (default: 300)').argParser(
        parseMilliseconds,
      ),
    )
    .addHelpText('after', examples)
    .action((file: string, flags: DecryptFlags) => decryptFile(file, flags, surroundings))
}

async function decryptFile(file: string, flags: DecryptFlags, surroundings: Surroundings): Promise<void> {
  const { output, force = false, commitmentPolicy, context, withheld, json = false, hedgeAfter: hedgeAfterMs } = flags
  const { signal } = surroundings
  const { opened, messageBytes } = await withOutput({ output, force, mode: 0o600 }, surroundings, (write) =>
    withKeys(flags, { surroundings, input: file, hedgeAfterMs }, async (keys) => {
      const envelope = createEnvelope({ keys, commitmentPolicy })
      const message = await readInput(file, maxMessageBytes, surroundings)
      const opened = await envelope.decrypt(message, { context, withheld, signal })
      await write(opened.plaintext)
      return { opened, messageBytes: message.length }
    }),
  )
  const { plaintext, openedBy, suite, signed } = opened
  const plaintextBytes = plaintext.length
  const text = `opened ${formatBytes(plaintextBytes)} with ${openedBy.name}`
  const result = { output, plaintextBytes, messageBytes, suite, signed, context: opened.context, openedBy }
  await tellResult({ output, json, text, result }, surroundings)
}
