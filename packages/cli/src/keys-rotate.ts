import { rotateLocalKey } from '@keyfold/core/local'
import type { Command } from 'commander'
import { readLocalReference } from './keys.ts'
import type { KeyChangeFlags } from './keys-create.ts'
import { addPassphraseOption } from './options.ts'
import { readPassphrase } from './passphrase.ts'
import { type Surroundings, writeToStdout } from './surroundings.ts'

const examples = `
Examples:
  $ keyfold keys rotate local://keys.json
  $ keyfold keys rotate 'local://keys.json?name=orders'

Messages sealed before still open: old versions stay in the file.
`

/** Adds the command `keys rotate`. */
export function addKeysRotateCommand(keys: Command, surroundings: Surroundings): void {
  addPassphraseOption(keys.command('rotate'))
    .summary('add a version to a key, which seals from now on')
    .description('Adds a version to a key. It seals from now on; the versions before it still open.')
    .argument('<uri>', 'the key, such as local://keys.json?name=orders')
    .option('--json', 'tell result and errors as JSON')
    .addHelpText('after', examples)
    .action(async (uri: string, { passphraseFile, json = false }: KeyChangeFlags) => {
      const { path, name } = readLocalReference(uri)
      const passphrase = await readPassphrase(passphraseFile, surroundings)
      const added = await rotateLocalKey(path, { name, passphrase })
      const text = json
        ? JSON.stringify({ path, ...added })
        : `${path}: key ${added.name} is at version ${added.version}`
      await writeToStdout(surroundings, `${text}\n`)
    })
}
