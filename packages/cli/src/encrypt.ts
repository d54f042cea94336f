import {
  createEnvelope,
  type EncryptOptions,
  type ErrorCode,
  inspect,
  KeyfoldError,
  type Observer,
} from '@keyfold/core'
import { type Command, Option } from 'commander'
import { adapterHelp } from './adapters.ts'
import { describeInput, formatBytes, maxMessageBytes, maxPlaintextBytes, readInput } from './input.ts'
import { withKeys } from './keys.ts'
import { addMessageOptions, type MessageFlags, parseCount, parseNumber } from './options.ts'
import { withOutput } from './output.ts'
import { tellResult } from './result.ts'
import { type Surroundings, writeTo } from './surroundings.ts'
import { printable } from './table.ts'

interface EncryptFlags extends MessageFlags {
  readonly sign?: boolean
  readonly suite?: number
  readonly frameLength?: number
  readonly require?: 'all' | number
}

/** A key that the message was sealed without. */
interface MissingRecipient {
  readonly provider: string
  readonly code: ErrorCode
}

const examples = `
Examples:
  Seal a file under a key file, and bind it to a tenant:
    $ keyfold encrypt report.pdf -o report.pdf.sealed --key local://keys.json --context tenant=t-42
  Seal a pipe, for either of two keys to open:
    $ tar c photos | keyfold encrypt --key 'local://keys.json?name=here' --key local:///mnt/backup/keys.json > photos.sealed
  Seal for two clouds, either of which opens, and do without one that fails now:
    $ keyfold encrypt report.pdf -o report.pdf.sealed --key 'awskms:///alias/orders?region=eu-west-1' \\
        --key gcpkms://projects/shop/locations/europe/keyRings/main/cryptoKeys/orders --require 1
  Sign it, so that whoever can only open it cannot alter it unseen:
    $ keyfold encrypt ledger.csv -o ledger.sealed --key local://keys.json --sign

The context can be read by anybody who has the message, and must be given again to open it if it is to be checked. It must
hold no secret; a withheld name stays out of the message, but reaches the key service.

${adapterHelp}
`

/** Adds the command `encrypt`. */
export function addEncryptCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('encrypt')
    .summary('seal a file')
    .description('Seals a file, or standard input, so that any of the given keys opens it.')
    .argument('[file]', 'what to seal, - for standard input', '-')
  addMessageOptions(command)
    .addOption(
      new Option('--require <count>', 'how many of the keys must seal, or all (default: all)').argParser(parseCount),
    )
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
  const missing: MissingRecipient[] = []
  const observe: Observer = (event) => {
    if (event.type === 'recipient-missing') missing.push({ provider: event.provider, code: event.code })
  }
  const { plaintextBytes, message } = await withOutput({ output, force, mode: 0o666 }, surroundings, (write) =>
    withKeys(flags, { surroundings, input: file, require: flags.require }, async (keys) => {
      const envelope = createEnvelope({ keys, commitmentPolicy, observe })
      const plaintext = await readInput(file, maxPlaintextBytes, surroundings)
      const message = await envelope.encrypt(plaintext, encryptOptions(flags, surroundings.signal))
      if (message.length > maxMessageBytes) throw tooLong(file, message.length)
      await write(message)
      return { plaintextBytes: plaintext.length, message }
    }),
  )
  const { suite, suiteName, signed, encryptedDataKeys } = inspect(message)
  const providerIds = encryptedDataKeys.map(({ providerId }) => providerId)
  const messageBytes = message.length
  const text = `sealed ${formatBytes(plaintextBytes)} as ${formatBytes(messageBytes)} for ${providerIds.join(', ')}`
  const result = { output, plaintextBytes, messageBytes, suite, suiteName, signed, providerIds, missing }
  await tellResult({ output, json, text, result }, surroundings)
  if (!json) await tellMissing(missing, surroundings)
}

/** Also to those who see the message itself: nothing else shows that a key is not among its own. */
async function tellMissing(missing: readonly MissingRecipient[], { stderr }: Surroundings): Promise<void> {
  for (const { provider, code } of missing)
    await writeTo(stderr, `${printable(`not sealed for ${provider}: ${code}`)}\n`)
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
