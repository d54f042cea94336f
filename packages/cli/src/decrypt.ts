import { createEnvelope } from '@keyfold/core'
import { decryptDuplex } from '@keyfold/core/node'
import { type Command, Option } from 'commander'
import { formatBytes } from './input.ts'
import { openKeys } from './keys.ts'
import { addMessageOptions, type MessageFlags } from './options.ts'
import { chooseTarget } from './output.ts'
import { readPassphrase } from './passphrase.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'
import { transfer } from './transfer.ts'

interface DecryptFlags extends MessageFlags {
  readonly signed?: 'hold' | 'release' | 'refuse'
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
      new Option(
        '--signed <how>',
        "what becomes of a signed message's plaintext before its signature is verified: by default it is held back (up to " +
          '64 MiB) for standard output, and released into the temporary file otherwise',
      ).choices(['hold', 'release', 'refuse']),
    )
    .addHelpText('after', examples)
    .action((file: string, flags: DecryptFlags) => decryptFile(file, flags, surroundings))
}

async function decryptFile(file: string, flags: DecryptFlags, surroundings: Surroundings): Promise<void> {
  const { output, force = false, quiet = false, json = false, key, passphraseFile, commitmentPolicy } = flags
  const { context, withheld } = flags
  const target = await chooseTarget({ output, force, mode: 0o600 })
  const keys = await openKeys(key, await readPassphrase(passphraseFile, surroundings, file))
  const envelope = createEnvelope({ keys, commitmentPolicy })
  // A file is not there before its signature holds.
  const { signed: release = output === '-' ? 'hold' : 'release' } = flags
  const { through, ...opened } = await transfer(
    {
      file,
      target,
      action: 'opening',
      quiet: quiet || json,
      start: () => decryptDuplex(envelope, { context, withheld, signed: release }),
    },
    surroundings,
  )
  const { inputBytes: messageBytes, outputBytes: plaintextBytes } = opened
  const { suite, signed, context: openedContext, openedBy } = await through.header
  const text = `opened ${formatBytes(plaintextBytes)} with ${openedBy.name}`
  const result = { output, plaintextBytes, messageBytes, suite, signed, context: openedContext, openedBy }
  await tellResult({ output, json, quiet, text, result }, surroundings)
}
