import { type Command, Option } from 'commander'
import { adapterHelp } from './adapters.ts'
import { examineKeys } from './doctor-examination.ts'
import { adviseOn, formatReport, gravest, reportAsJson } from './doctor-report.ts'
import type { Severity } from './doctor-rules.ts'
import { exitCodes } from './exit-codes.ts'
import { sharePassphrase } from './keys.ts'
import { addPassphraseOption, parseMilliseconds } from './options.ts'
import { readPassphrase } from './passphrase.ts'
import { type Surroundings, writeToStdout } from './surroundings.ts'

interface DoctorFlags {
  readonly passphraseFile?: string
  readonly timeout: number
  readonly json?: boolean
}

const examples = `
Examples:
  See how two keys are that seal the same messages:
    $ keyfold doctor 'awskms:///alias/orders?region=eu-west-1' local:///etc/app/keys.json
  Stop a deployment whose key cannot be used, but not for a warning:
    $ keyfold doctor --json "$KEY" > report.json || [ $? -eq ${exitCodes.warnings} ]

It calls each key's service once or a few times, and seals and opens nothing. Several keys are judged as encrypt takes them,
as one any-of. It ends with ${exitCodes.ok} when all is well or there are only notices, ${exitCodes.warnings} for warnings, and ${exitCodes.errors} for a key that cannot be used.

${adapterHelp}
`

/**
 * Adds the command `doctor`.
 *
 * @param exitWith takes the exit code of a run that did what it was to
 */
export function addDoctorCommand(
  program: Command,
  surroundings: Surroundings,
  exitWith: (exitCode: number) => void,
): void {
  addPassphraseOption(program.command('doctor'))
    .summary('look at keys and give advice')
    .description(
      'Lets keys describe themselves (state, version, rotation), and says what is wrong or unsafe about them.',
    )
    .argument('<uri...>', 'the keys, such as local://keys.json?name=orders')
    .addOption(
      new Option('--timeout <ms>', 'how long each key may take to answer').argParser(parseMilliseconds).default(10_000),
    )
    .option('--json', 'tell result and errors as JSON')
    .addHelpText('after', examples)
    .action(async (uris: readonly string[], flags: DoctorFlags) => {
      exitWith(exitCodesBySeverity[await diagnose(uris, flags, surroundings)])
    })
}

const exitCodesBySeverity: Readonly<Record<Severity | 'ok', number>> = {
  ok: exitCodes.ok,
  notice: exitCodes.ok,
  warning: exitCodes.warnings,
  error: exitCodes.errors,
}

async function diagnose(
  uris: readonly string[],
  { passphraseFile, timeout: timeoutMs, json = false }: DoctorFlags,
  surroundings: Surroundings,
): Promise<Severity | 'ok'> {
  const passphraseOf = await sharePassphrase(await readPassphrase(passphraseFile, surroundings), uris)
  const keys = adviseOn(await examineKeys(uris, { passphraseOf, timeoutMs, surroundings }))
  await writeToStdout(surroundings, json ? `${JSON.stringify(reportAsJson(keys))}\n` : formatReport(keys))
  return gravest(keys) ?? 'ok'
}
