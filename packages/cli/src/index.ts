/**
 * Keyfold's command line as a function, for programs that start it in their own process; `bin.ts` is the command itself.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { adapterHelp } from './adapters.ts'
import { addDecryptCommand } from './decrypt.ts'
import { addDoctorCommand } from './doctor.ts'
import { addEncryptCommand } from './encrypt.ts'
import { exitCodeRows, exitCodes } from './exit-codes.ts'
import { failureOf, formatFailure } from './failure.ts'
import { addHelpCommand } from './help-command.ts'
import { addInspectCommand } from './inspect.ts'
import { addKeysCommand } from './keys-command.ts'
import { addReencryptCommand } from './reencrypt.ts'
import { type Surroundings, writeToStderr, writeToStdout } from './surroundings.ts'
import { formatTable } from './table.ts'

export type { LoadPackage } from './adapters.ts'
export type { Surroundings } from './surroundings.ts'

const overview = `
Start here:
  $ keyfold keys create local://keys.json
  $ keyfold encrypt report.pdf -o report.pdf.sealed --key local://keys.json
  $ keyfold inspect report.pdf.sealed
  $ keyfold decrypt report.pdf.sealed -o report.pdf --key local://keys.json

${adapterHelp}

Each command explains itself with --help.
`

/**
 * Runs one command line.
 *
 * @param args without the program's own name
 * @returns the exit code; never throws
 *
 * @example
 * ```ts
 * import { run } from 'keyfold'
 *
 * const { stdin, stdout, stderr, env } = process
 * const { signal } = new AbortController()
 * console.log(await run(['exit-codes'], { stdin, stdout, stderr, env, signal })) // …the table, and 0
 * ```
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    let exitCode: number = exitCodes.ok
    const program = buildProgram(surroundings, (code) => {
      exitCode = code
    })
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    // Help that was asked for ends this way too.
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    const failure = failureOf(error)
    try {
      if (!isHelp(error)) await writeToStderr(surroundings, formatFailure(failure, args.includes('--json')))
    } catch {
      // Nobody reads standard error: the exit code still tells.
    }
    return failure.exitCode
  }
}

/** @param exitWith takes the exit code of a command that did what it was to; otherwise it is 0 */
function buildProgram(surroundings: Surroundings, exitWith: (exitCode: number) => void): Command {
  const program = new Command('keyfold')
    .description(
      'Seals and opens files with envelope encryption: a fresh data key for each, sealed under keys of your own.',
    )
    .version(readVersion(), '-V, --version')
    .addHelpText('after', overview)
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
      // Errors are written in one place, in one form.
      outputError: () => undefined,
    })
    .exitOverride()
  addKeysCommand(program, surroundings)
  addEncryptCommand(program, surroundings)
  addDecryptCommand(program, surroundings)
  addReencryptCommand(program, surroundings)
  addInspectCommand(program, surroundings)
  addDoctorCommand(program, surroundings, exitWith)
  addExitCodesCommand(program, surroundings)
  addHelpCommand(program)
  return program
}

function addExitCodesCommand(program: Command, surroundings: Surroundings): void {
  const table = formatTable([['exit code', 'code', 'meaning'], ...exitCodeRows()])
  program
    .command('exit-codes')
    .summary('list what each exit code means')
    .description('Lists what each exit code means. The numbers are stable.')
    .addHelpText('after', `\n${table}`)
    .action(() => writeToStdout(surroundings, `${table}\n`))
}

/** Help in place of a command that is missing: it was shown, on standard error. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.help'
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : ''
}
