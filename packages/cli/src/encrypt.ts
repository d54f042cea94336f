import { createEnvelope } from '@keyfold/core'
import { encryptDuplex } from '@keyfold/core/node'
import type { Command } from 'commander'
import { adapterHelp } from './adapters.ts'
import { formatBytes } from './format-bytes.ts'
import type { Input } from './input.ts'
import { withKeys } from './keys.ts'
import { collectMissing, tellMissing } from './missing-recipients.ts'
import { addMessageOptions, addSealOptions, type MessageFlags, type SealFlags } from './options.ts'
import { chooseTarget, demandNoTerminal } from './output.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'
import { transfer } from './transfer.ts'

type EncryptFlags = MessageFlags & SealFlags

const examples = `
Examples:
  Seal a file under a key file, and bind it to a tenant:
    $ keyfold encrypt report.pdf -o report.pdf.sealed --key local://keys.json --context tenant=t-42
  Seal a pipe, for either of two keys to open:
    $ tar c photos | keyfold encrypt --key 'local://keys.json?name=here' --key local:///mnt/backup/keys.json > photos.sealed
  Sign it, so that whoever may open with a key and not seal cannot alter it unnoticed:
    $ keyfold encrypt ledger.csv -o ledger.sealed --key local://keys.json --sign

The context can be read by anybody who has the message, and must be given again to open it if it is to be checked. It must
hold no secret; a withheld pair stays out of the message, but AWS KMS is given it and logs it. A file or pipe of any size is
sealed piece by piece. The output file is there once it is whole, and not before.

${adapterHelp}
`

/** Adds the command `encrypt`. */
export function addEncryptCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('encrypt')
    .summary('seal a file')
    .description('Seals a file, or standard input, so that any of the given keys opens it.')
    .argument('[file]', 'what to seal, - for standard input', '-')
  addSealOptions(addMessageOptions(command))
    .addHelpText('after', examples)
    .action((file: string, flags: EncryptFlags) => encryptFile(file, flags, surroundings))
}

async function encryptFile(file: string, flags: EncryptFlags, surroundings: Surroundings): Promise<void> {
  const { output, force = false, quiet = false, json = false, commitmentPolicy, require } = flags
  const { context, withheld, sign, suite: suiteNumber, frameLength } = flags
  demandNoTerminal(output, surroundings)
  const target = await chooseTarget({ output, force, mode: 0o666 })
  const { observe, missing } = collectMissing()
  const options = { context, withheld, sign, suite: suiteNumber, frameLength }
  const sealed = await withKeys(flags, { surroundings, input: file, require }, (keys) => {
    const envelope = createEnvelope({ keys, commitmentPolicy, observe })
    const start = ({ size }: Input) => encryptDuplex(envelope, { ...options, length: size })
    return transfer({ file, target, action: 'sealing', quiet: quiet || json, start }, surroundings)
  })
  const { inputBytes: plaintextBytes, outputBytes: messageBytes } = sealed
  const { suite, suiteName, signed, encryptedDataKeys } = await sealed.through.header
  const providerIds = encryptedDataKeys.map(({ providerId }) => providerId)
  const text = `sealed ${formatBytes(plaintextBytes)} as ${formatBytes(messageBytes)} for ${providerIds.join(', ')}`
  const result = { output, plaintextBytes, messageBytes, suite, suiteName, signed, providerIds, missing }
  await tellResult({ output, json, quiet, text, result }, surroundings)
  if (!json) await tellMissing(missing, surroundings)
}
