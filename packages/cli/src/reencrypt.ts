import { Duplex } from 'node:stream'
import { createEnvelope, type Envelope, KeyfoldError, type Keyring, type ReencryptStream } from '@keyfold/core'
import { type Command, Option } from 'commander'
import { adapterHelp } from './adapters.ts'
import { formatBytes } from './format-bytes.ts'
import { describeInput } from './input.ts'
import { type PassphraseOf, sharePassphrase, withOpenKeys } from './keys.ts'
import { collectMissing, tellMissing } from './missing-recipients.ts'
import {
  addMessageOptions,
  addOpenOptions,
  addSealOptions,
  collect,
  collectPair,
  type MessageFlags,
  type OpenFlags,
  type SealFlags,
} from './options.ts'
import { chooseTarget, demandNoTerminal, type OutputOptions } from './output.ts'
import { readPassphrase } from './passphrase.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'
import { transfer } from './transfer.ts'

interface ReencryptFlags extends MessageFlags, OpenFlags, SealFlags {
  readonly toKey: readonly string[]
  readonly toPassphraseFile?: string
  readonly toContext?: Readonly<Record<string, string>>
  readonly toWithheld?: readonly string[]
  readonly inPlace?: boolean
}

const examples = `
Examples:
  Move a file to another key, in place:
    $ keyfold reencrypt report.pdf.sealed --in-place --key local://old.json --to-key local://new.json
  Add a second key that opens it, and make sure first that it is this tenant's:
    $ keyfold reencrypt in.sealed -o out.sealed --key local://a.json -c tenant=t-42 --to-key local://a.json --to-key local://b.json
  Bring a message of the AWS Encryption SDK from before key commitment up to date:
    $ keyfold reencrypt old.sealed -o new.sealed --key local://keys.json --to-key local://keys.json --commitment-policy require-encrypt-allow-decrypt

--key opens the message and --to-key seals it anew, under a fresh data key: that is the only way to exchange a message's keys.
The context that --context asks for is checked; the whole of it carries over, and what is withheld of it, unless --to-context
and --to-withheld name others. The new message is signed only with --sign. The plaintext is written nowhere. Where the old
message turns out to be altered, a file is left as it was; what a pipe got by then has no end, and opens nowhere.

${adapterHelp}
`

/** Adds the command `reencrypt`. */
export function addReencryptCommand(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('reencrypt')
    .summary('move a sealed file to other keys')
    .description('Opens a sealed file, or standard input, and seals it anew, with other keys if you like.')
    .argument('[file]', 'a sealed file, - for standard input', '-')
  addSealOptions(addOpenOptions(addMessageOptions(command)))
    .requiredOption(
      '-t, --to-key <uri>',
      'a key of the new message; repeat it for several, any of which opens',
      collect,
    )
    .option('--to-passphrase-file <file>', 'holds the passphrase of the --to-key files, if it is another')
    .option(
      '--to-context <name=value>',
      "a pair of the new message's context, in place of the old; repeat it",
      collectPair,
    )
    .option('--to-withheld <name>', 'a name of it that is not written into the message; repeat it', collect)
    .addOption(new Option('-i, --in-place', 'replace the file itself').conflicts(['output', 'force']))
    .addHelpText('after', examples)
    .action((file: string, flags: ReencryptFlags) => reencryptFile(file, flags, surroundings))
}

async function reencryptFile(file: string, flags: ReencryptFlags, surroundings: Surroundings): Promise<void> {
  const { quiet = false, json = false, commitmentPolicy } = flags
  const { output, force, mode } = destinationOf(file, flags)
  demandNoTerminal(output, surroundings)
  const target = await chooseTarget({ output, force, mode })
  const { observe, missing } = collectMissing()
  const moved = await withBothKeys(file, flags, surroundings, (keys, toKeys) => {
    const from = createEnvelope({ keys, commitmentPolicy })
    const to = createEnvelope({ keys: toKeys, commitmentPolicy, observe })
    const begin = () => start(from, to, flags)
    return transfer({ file, target, action: 'reencrypting', quiet: quiet || json, start: begin }, surroundings)
  })
  const { suite, suiteName, signed, context, encryptedDataKeys } = await moved.through.header
  const providerIds = encryptedDataKeys.map(({ providerId }) => providerId)
  const { outputBytes: messageBytes } = moved
  const text = `reencrypted as ${formatBytes(messageBytes)} for ${providerIds.join(', ')}`
  const result = { output, messageBytes, suite, suiteName, signed, context, providerIds, missing }
  await tellResult({ output, json, quiet, text, result }, surroundings)
  if (!json) await tellMissing(missing, surroundings)
}

function destinationOf(file: string, { output, force = false, inPlace = false }: ReencryptFlags): OutputOptions {
  if (!inPlace) return { output, force, mode: 0o666 }
  if (file === '-') throw new KeyfoldError('INVALID_ARGUMENT', `--in-place: ${describeInput(file)} is no file`)
  return { output: file, force: true, mode: 'kept' }
}

async function withBothKeys<T>(
  file: string,
  flags: ReencryptFlags,
  surroundings: Surroundings,
  use: (keys: Keyring, toKeys: Keyring) => Promise<T>,
): Promise<T> {
  const { key, toKey, require, hedgeAfter: hedgeAfterMs } = flags
  const [passphraseOf, toPassphraseOf] = await bothPassphrases(file, flags, surroundings)
  const from = { uris: key, passphraseOf, options: { hedgeAfterMs } }
  const to = { uris: toKey, passphraseOf: toPassphraseOf, options: { require } }
  return await withOpenKeys(from, surroundings, (keys) => withOpenKeys(to, surroundings, (toKeys) => use(keys, toKeys)))
}

/** One passphrase serves both sides, unless they have one each. */
async function bothPassphrases(
  file: string,
  { key, passphraseFile, toKey, toPassphraseFile }: ReencryptFlags,
  surroundings: Surroundings,
): Promise<readonly [from: PassphraseOf, to: PassphraseOf]> {
  const passphrase = await readPassphrase(passphraseFile, surroundings, file)
  if (toPassphraseFile === undefined) {
    const shared = await sharePassphrase(passphrase, [...key, ...toKey])
    return [shared, shared]
  }
  const toPassphrase = await readPassphrase(toPassphraseFile, surroundings, file)
  return [await sharePassphrase(passphrase, key), await sharePassphrase(toPassphrase, toKey)]
}

function start(from: Envelope, to: Envelope, flags: ReencryptFlags): Duplex & Pick<ReencryptStream, 'header'> {
  const { context, withheld, toContext, toWithheld, sign, suite, frameLength } = flags
  const seal = { context: toContext, withheld: toWithheld, sign, suite, frameLength }
  // The new message has no end before the old one's signature holds.
  const stream = from.reencryptStream(to, { context, withheld, signed: 'release', seal })
  return Object.assign(Duplex.fromWeb(stream), { header: stream.header })
}
