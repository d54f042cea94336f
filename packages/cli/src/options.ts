import { type CommitmentPolicy, KeyfoldError } from '@keyfold/core'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { KeyFlags } from './keys.ts'

/** What `encrypt`, `decrypt` and `reencrypt` have in common. */
export interface MessageFlags extends KeyFlags {
  readonly context?: Readonly<Record<string, string>>
  readonly withheld?: readonly string[]
  readonly output: string
  readonly force?: boolean
  readonly quiet?: boolean
  readonly commitmentPolicy?: CommitmentPolicy
  readonly json?: boolean
}

/** Adds the options of {@link MessageFlags}. */
export function addMessageOptions(command: Command): Command {
  return addPassphraseOption(command)
    .requiredOption(
      '-k, --key <uri>',
      'a key, such as local://keys.json?name=orders; repeat it for several, any of which opens',
      collect,
    )
    .option('-c, --context <name=value>', 'a pair of the context; repeat it for several', collectPair)
    .option(
      '-w, --withheld <name>',
      'a name of the context that is not written into the message; repeat it for several',
      collect,
    )
    .option('-o, --output <file>', 'where the result goes, - for standard output', parseOutput, '-')
    .option('-f, --force', 'overwrite the output file if it is there')
    .option('-q, --quiet', 'say nothing but errors, and show no progress')
    .addOption(
      new Option('--commitment-policy <policy>', 'whether messages must commit to their key').choices(policies),
    )
    .option('--json', 'tell result and errors as JSON (on standard error where standard output holds the bytes)')
}

/** Never the passphrase itself: other users see a process's arguments. */
export function addPassphraseOption(command: Command): Command {
  return command.option(
    '--passphrase-file <file>',
    'holds the passphrase of sealed key files; otherwise the variable KEYFOLD_PASSPHRASE does',
  )
}

/** How a message is sealed. */
export interface SealFlags {
  readonly sign?: boolean
  readonly suite?: number
  readonly frameLength?: number
  readonly require?: 'all' | number
}

/** Adds the options of {@link SealFlags}. */
export function addSealOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--require <count>', 'how many of the keys must seal, or all (default: all)').argParser(parseCount),
    )
    .option('-s, --sign', 'sign the message')
    .addOption(new Option('--suite <number>', 'the algorithm suite, such as 0x0478').argParser(parseNumber))
    .addOption(new Option('--frame-length <bytes>', 'length of each frame but the last').argParser(parseNumber))
}

/** How a message is opened. */
export interface OpenFlags {
  readonly hedgeAfter?: number
}

/** Adds the options of {@link OpenFlags}. */
export function addOpenOptions(command: Command): Command {
  return command.addOption(
    new Option('--hedge-after <ms>', 'how long a key may take before the next is asked too (default: 300)').argParser(
      parseMilliseconds,
    ),
  )
}

/** An empty variable of a script, mostly. As a path it would be the working directory. */
function parseOutput(output: string): string {
  if (output !== '') return output
  throw new KeyfoldError('INVALID_ARGUMENT', '--output is empty: expected a file, or - for standard output')
}

/** A number, as 0x0478 or 1144. Which of them make sense, the core knows. */
function parseNumber(text: string): number {
  if (/^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a number such as 0x0478 or 131072')
}

/** How many keys: a whole number, or `all`. How many there are, the core knows. */
function parseCount(text: string): 'all' | number {
  if (text === 'all') return text
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected all, or a number from 1')
}

/** A time in milliseconds, at most eleven days: timers have an end. */
export function parseMilliseconds(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected milliseconds, such as 5000')
}

const policies: readonly CommitmentPolicy[] = [
  'require-encrypt-require-decrypt',
  'require-encrypt-allow-decrypt',
  'forbid-encrypt-allow-decrypt',
]

/** An option that may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

/** An option of pairs that may be repeated. */
export function collectPair(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const equals = text.indexOf('=')
  if (equals < 0) throw new InvalidArgumentError('expected NAME=VALUE')
  const name = text.slice(0, equals)
  if (Object.hasOwn(earlier, name)) throw new InvalidArgumentError('the name was given before')
  // By entries: an assignment to __proto__ would vanish instead of being refused.
  return Object.fromEntries([...Object.entries(earlier), [name, text.slice(equals + 1)]])
}
