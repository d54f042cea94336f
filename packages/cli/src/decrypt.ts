import { createEnvelope, KeyfoldError } from '@keyfold/core'
import { decryptDuplex } from '@keyfold/core/node'
import { type Command, Option } from 'commander'
import { adapterHelp } from './adapters.ts'
import { decryptRange, parseRange, type RangeFlags } from './decrypt-range.ts'
import { formatBytes } from './format-bytes.ts'
import { withKeys } from './keys.ts'
import { addMessageOptions, addOpenOptions, type MessageFlags, type OpenFlags } from './options.ts'
import { chooseTarget } from './output.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'
import { transfer } from './transfer.ts'

interface DecryptFlags extends MessageFlags, OpenFlags, Partial<Pick<RangeFlags, 'range' | 'ignoreSignature'>> {
  readonly signed?: 'hold' | 'release' | 'refuse'
}

const examples = `
Examples:
  Open a file, and make sure that it is this tenant's:
    $ keyfold decrypt report.pdf.sealed -o report.pdf --key local://keys.json --context tenant=t-42
  Open a pipe:
    $ keyfold decrypt --key local://keys.json < photos.sealed | tar x
  Read 64 KiB from the middle of a large file, and no more of it than that takes:
    $ keyfold decrypt film.sealed --range 1048576-1114112 --key local://keys.json > part
  Open a message of the AWS Encryption SDK from before key commitment:
    $ keyfold decrypt old.sealed -o old --key local://keys.json --commitment-policy require-encrypt-allow-decrypt

Each pair of --context must be in the message, which may have more. An output file is there once all of the message is
verified, and not before; one that is refused leaves nothing behind. A file of plaintext is readable by its owner alone.

On standard output plaintext appears piece by piece, each as soon as it is authenticated. Whether the message goes on, and
whether the rest of it holds, is not known by then: the exit code decides (see keyfold exit-codes), and in a shell script
"set -o pipefail" makes a pipeline heed it. Where nothing may be acted on before all of it is verified, name a file.

A signature is at a message's end. --signed says what becomes of the plaintext until it holds: "hold" keeps up to 64 MiB in
memory, and refuses longer messages; "release" gives it all the same, but for the last piece; "refuse" opens no signed
message. The default is hold for standard output, and release for a file, which is not there before the signature holds.

--range counts the plaintext's bytes from 0, and END is the first that is not wanted. It needs a file. A signature is over
all of a message and cannot vouch for a part: that is refused without --ignore-signature.

${adapterHelp}
`

/** Adds the command `decrypt`. */
export function addDecryptCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('decrypt')
    .summary('open a file')
    .description('Opens a sealed file, or standard input, of any size, or a part of a file.')
    .argument('[file]', 'what to open, - for standard input', '-')
  addOpenOptions(addMessageOptions(command))
    .addOption(
      new Option('--signed <how>', "what becomes of a signed message's plaintext until its signature holds").choices([
        'hold',
        'release',
        'refuse',
      ]),
    )
    .addOption(
      new Option('-r, --range <start-end>', 'open that part of a file alone, in bytes')
        .argParser(parseRange)
        .conflicts('signed'),
    )
    .option('--ignore-signature', 'open a part of a signed file')
    .addHelpText('after', examples)
    .action((file: string, flags: DecryptFlags) => decryptFile(file, flags, surroundings))
}

async function decryptFile(file: string, flags: DecryptFlags, surroundings: Surroundings): Promise<void> {
  const { range, ignoreSignature } = flags
  if (range !== undefined) return await decryptRange(file, { ...flags, range }, surroundings)
  if (ignoreSignature === true) throw new KeyfoldError('INVALID_ARGUMENT', '--ignore-signature goes with --range')
  const { output, force = false, quiet = false, json = false, commitmentPolicy } = flags
  const { context, withheld, hedgeAfter: hedgeAfterMs } = flags
  const target = await chooseTarget({ output, force, mode: 0o600 })
  // A file is not there before its signature holds.
  const { signed: release = output === '-' ? 'hold' : 'release' } = flags
  const { through, ...opened } = await withKeys(flags, { surroundings, input: file, hedgeAfterMs }, (keys) => {
    const envelope = createEnvelope({ keys, commitmentPolicy })
    const start = () => decryptDuplex(envelope, { context, withheld, signed: release })
    return transfer({ file, target, action: 'opening', quiet: quiet || json, start }, surroundings)
  })
  const { inputBytes: messageBytes, outputBytes: plaintextBytes } = opened
  const { suite, signed, context: openedContext, openedBy } = await through.header
  const text = `opened ${formatBytes(plaintextBytes)} with ${openedBy.name}`
  const result = { output, plaintextBytes, messageBytes, suite, signed, context: openedContext, openedBy }
  await tellResult({ output, json, quiet, text, result }, surroundings)
}
