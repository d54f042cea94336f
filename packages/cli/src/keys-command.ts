import type { Command } from 'commander'
import { addHelpCommand } from './help-command.ts'
import { addKeysCreateCommand } from './keys-create.ts'
import { addKeysListCommand } from './keys-list.ts'
import { addKeysRotateCommand } from './keys-rotate.ts'
import type { Surroundings } from './surroundings.ts'

const examples = `
Examples:
  $ keyfold keys create local://keys.json
  $ keyfold keys create 'local://keys.json?name=orders'
  $ keyfold keys rotate 'local://keys.json?name=orders'
  $ keyfold keys list local://keys.json

A reference is local:///PATH for an absolute path and local://PATH for one from the working directory. Quote one that has a
question mark: shells take it for a pattern. Without ?name= the key is the file's only one, or the one called default.
`

/** Adds the command `keys` with its own. */
export function addKeysCommand(program: Command, surroundings: Surroundings): void {
  const keys = program
    .command('keys')
    .summary('create, list and rotate keys in a key file')
    .description(
      'Keys in a file of this machine. Whoever has the file, and its passphrase if it has one, opens every message.',
    )
    .addHelpText('after', examples)
  addKeysCreateCommand(keys, surroundings)
  addKeysListCommand(keys, surroundings)
  addKeysRotateCommand(keys, surroundings)
  addHelpCommand(keys)
}
