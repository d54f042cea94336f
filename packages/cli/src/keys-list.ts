import { KeyfoldError } from '@keyfold/core'
import { type LocalKeyList, listLocalKeys } from '@keyfold/core/local'
import type { Command } from 'commander'
import { readLocalReference } from './keys.ts'
import { type Surroundings, writeToStdout } from './surroundings.ts'
import { formatTable } from './table.ts'

interface ListFlags {
  readonly json?: boolean
}

const examples = `
Examples:
  $ keyfold keys list local://keys.json
  $ keyfold keys list --json local://keys.json | jq -r '.keys[].name'

Names and versions stand open in a sealed file as well: no passphrase is needed.
`

/** Adds the command `keys list`. */
export function addKeysListCommand(keys: Command, surroundings: Surroundings): void {
  keys
    .command('list')
    .summary('list the keys of a key file and their versions')
    .description('Lists the keys of a key file and their versions, never the keys themselves.')
    .argument('<uri>', 'the key file, such as local://keys.json; with ?name= that key alone')
    .option('--json', 'as JSON')
    .addHelpText('after', examples)
    .action(async (uri: string, { json = false }: ListFlags) => {
      const { path, name } = readLocalReference(uri)
      const list = select(await listLocalKeys(path), name)
      await writeToStdout(surroundings, `${json ? JSON.stringify({ path, ...list }) : format(path, list)}\n`)
    })
}

function select(list: LocalKeyList, name: string | undefined): LocalKeyList {
  if (name === undefined) return list
  const keys = list.keys.filter((key) => key.name === name)
  if (keys.length > 0) return { ...list, keys }
  throw new KeyfoldError('KEY_NOT_FOUND', `key file: it has no key ${JSON.stringify(name)}`)
}

function format(path: string, { sealed, keys }: LocalKeyList): string {
  const rows = keys.flatMap(({ name, versions }) =>
    versions.map(({ version, createdAt }, index) => {
      return [name, String(version), createdAt, index === versions.length - 1 ? 'seals and opens' : 'opens']
    }),
  )
  const table = formatTable([['key', 'version', 'created', 'use'], ...rows], '  ')
  return `${path} (${sealed ? 'sealed with a passphrase' : 'not sealed with a passphrase'})\n\n${table}`
}
