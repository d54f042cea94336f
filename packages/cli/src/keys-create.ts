import { createLocalKey } from '@keyfold/core/local'
import type { Command } from 'commander'
import { readLocalReference } from './keys.ts'
import { addPassphraseOption } from './options.ts'
import { readPassphrase } from './passphrase.ts'
import { type Surroundings, writeToStdout } from './surroundings.ts'

/** Options of the commands that change a key file. */
export interface KeyChangeFlags {
  readonly passphraseFile?: string
  readonly json?: boolean
}

const examples = `
Examples:
  Make a key file with a key called default:
    $ keyfold keys create local://keys.json
  Add a key to it:
    $ keyfold keys create 'local://keys.json?name=orders'
  Make a key file that a passphrase seals:
    $ keyfold keys create local:///etc/app/keys.json --passphrase-file /run/secrets/passphrase

A key that is there is never replaced. Keep a copy of the file: without it, what it sealed is lost.
`

/** Adds the command `keys create`. */
export function addKeysCreateCommand(keys: Command, surroundings: Surroundings): void {
  addPassphraseOption(keys.command('create'))
    .summary('make a key, and the key file if there is none')
    .description('Makes a key in a key file, and the file (mode 0600) if there is none.')
    .argument('<uri>', 'the key, such as local://keys.json?name=orders')
    .option('--json', 'tell result and errors as JSON')
    .addHelpText('after', examples)
    .action(async (uri: string, { passphraseFile, json = false }: KeyChangeFlags) => {
      const { path, name } = readLocalReference(uri)
      const passphrase = await readPassphrase(passphraseFile, surroundings)
      const created = await createLocalKey(path, { name, passphrase })
      const text = json
        ? JSON.stringify({ path, ...created })
        : `${path}: made key ${created.name}, version ${created.version}`
      await writeToStdout(surroundings, `${text}\n`)
    })
}
