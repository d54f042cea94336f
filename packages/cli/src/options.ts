import type { CommitmentPolicy } from '@keyfold/core'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { KeyFlags } from './keys.ts'

/** What `encrypt` and `decrypt` have in common. */
export interface MessageFlags extends KeyFlags {
  readonly context?: Readonly<Record<string, string>>
  readonly withheld?: readonly string[]
  readonly output: string
  readonly force?: boolean
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
    .option('-o, --output <file>', 'where the result goes, - for standard output', '-')
    .option('-f, --force', 'overwrite the output file if it is there')
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

/** An algorithm suite's number, as 0x0478 or 1144. Which numbers there are, the core knows. */
export function parseNumber(text: string): number {
  if (/^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a number such as 0x0478 or 131072')
}

/** How many keys: a whole number, or `all`. How many there are, the core knows. */
export function parseCount(text: string): 'all' | number {
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

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function collectPair(text: string, earlier: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const equals = text.indexOf('=')
  if (equals < 0) throw new InvalidArgumentError('expected NAME=VALUE')
  const name = text.slice(0, equals)
  if (Object.hasOwn(earlier, name)) throw new InvalidArgumentError('the name was given before')
  // By entries: an assignment to __proto__ would vanish instead of being refused.
  return Object.fromEntries([...Object.entries(earlier), [name, text.slice(equals + 1)]])
}
