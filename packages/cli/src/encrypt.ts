import { createEnvelope, type EncryptOptions, inspect, KeyfoldError } from '@keyfold/core'
import { type Command, Option } from 'commander'
import { describeInput, formatBytes, maxMessageBytes, maxPlaintextBytes, readInput } from './input.ts'
import { openKeys } from './keys.ts'
import { addMessageOptions, type MessageFlags, parseNumber } from './options.ts'
import { withOutput } from './output.ts'
import { readPassphrase } from './passphrase.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'

interface EncryptFlags extends MessageFlags {
  readonly sign?: boolean
  readonly suite?: number
  readonly frameLength?: number
}

const examples = `
Examples:
  Seal a file under a key file, and bind it to a tenant:
    $ keyfold encrypt report.pdf -o report.pdf.sealed --key local://keys.json --context tenant=t-42
  Seal a pipe, for either of two keys to open:
    $ tar c photos | keyfold encrypt --key 'local://keys.json?name=here' --key local:///mnt/backup/keys.json > photos.sealed
  Sign it, so that whoever can only open it cannot alter it unseen:
    $ keyfold encrypt ledger.csv -o ledger.sealed --key local://keys.json --sign

The context can be read by anybody who has the message, and must be given again to open it if it is to be checked. It must
hold no secret; a withheld name stays out of the message, but reaches the key service.
`

/** Adds the command `encrypt`. */
export function addEncryptCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('encrypt')
    .summary('seal a file')
    .description('Seals a file, or standard input, so that any of the given keys opens it.')
    .argument('[file]', 'what to seal, - for standard input', '-')
  addMessageOptions(command)
    .option('-s, --sign', 'sign the message')
    .addOption(new Option('--suite <number>', 'the algorithm suite, such as 0x0478').argParser(parseNumber))
    .addOption(new Option('--frame-length <bytes>', 'length of each frame but the last').argParser(parseNumber))
    .addHelpText('after', examples)
    .action((file: string, flags: EncryptFlags) => encryptFile(file, flags, surroundings))
}

async function encryptFile(file: string, flags: EncryptFlags, surroundings: Surroundings): Promise<void> {
  const { output, force = false, commitmentPolicy, json = false } = flags
  if (output === '-' && surroundings.stdout.isTTY === true) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'a message is bytes, not text for a terminal: name a file with --output')
  }
  const { plaintextBytes, message } = await withOutput({ output, force, mode: 0o666 }, surroundings, async (write) => {
    const keys = openKeys(flags.key, await readPassphrase(flags.passphraseFile, surroundings, file))
    const envelope = createEnvelope({ keys, commitmentPolicy })
    const plaintext = await readInput(file, maxPlaintextBytes, surroundings)
    const message = await envelope.encrypt(plaintext, encryptOptions(flags, surroundings.signal))
    if (message.length > maxMessageBytes) throw tooLong(file, message.length)
    await write(message)
    return { plaintextBytes: plaintext.length, message }
  })
  const { suite, suiteName, signed, encryptedDataKeys } = inspect(message)
  const providerIds = encryptedDataKeys.map(({ providerId }) => providerId)
  const messageBytes = message.length
  const text = `sealed ${formatBytes(plaintextBytes)} as ${formatBytes(messageBytes)} for ${providerIds.join(', ')}`
  const result = { output, plaintextBytes, messageBytes, suite, suiteName, signed, providerIds }
  await tellResult({ output, json, text, result }, surroundings)
}

function encryptOptions(flags: EncryptFlags, signal: AbortSignal): EncryptOptions {
  const { context, withheld, sign, suite, frameLength } = flags
  return { context, withheld, sign, suite, frameLength, signal }
}

function tooLong(file: string, length: number): KeyfoldError {
  const limit = `this version opens at most ${formatBytes(maxMessageBytes)}: choose a longer --frame-length`
  return new KeyfoldError(
    'LIMIT_EXCEEDED',
    `${describeInput(file)}: its message has ${formatBytes(length)}, and ${limit}`,
  )
}
