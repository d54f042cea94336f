import { type Command, CommanderError, Option } from 'commander'
import { exitCodes } from './exit-codes.ts'

/**
 * Adds the command `help`, for a command of commands too. Commander's own knows the first name alone, and answers an unknown
 * one with the help of everything.
 */
export function addHelpCommand(parent: Command): void {
  parent
    .helpCommand(false)
    .command('help')
    .summary('explain a command')
    .description('Explains a command, as its --help does.')
    .argument('[command...]', 'its name')
    .addOption(new Option('--json', 'tell errors as JSON').hideHelp())
    .action((names: readonly string[]) => names.reduce(demandCommand, parent).help())
}

function demandCommand(parent: Command, name: string): Command {
  const command = parent.commands.find((each) => each.name() === name)
  if (command !== undefined) return command
  throw new CommanderError(exitCodes.usage, 'commander.unknownCommand', `unknown command '${name}'`)
}
