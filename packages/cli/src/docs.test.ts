// The pages say what the command says: where one repeats a table of the code, the two are held against each other.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { adapterPackages } from './adapters.ts'
import { rules } from './doctor-rules.ts'
import { exitCodeRows } from './exit-codes.ts'
import { remedies } from './remedies.ts'

const root = join(import.meta.dirname, '..', '..', '..')

test('docs/errors.md has the remedy that doctor gives for each code', () => {
  const rows = rowsOf('docs/errors.md').filter(([code = '']) => /^`[A-Z_]+`$/.test(code))
  expect(Object.fromEntries(rows.map(([code = '', , , , remedy]) => [code.slice(1, -1), remedy]))).toEqual(
    Object.fromEntries(Object.entries(remedies).map(([code, remedy]) => [code, remedy || '–'])),
  )
})

test('docs/doctor.md has a row for each rule, in their order', () => {
  const written = (text: unknown, cell: string | undefined) => (typeof text === 'string' ? text || '–' : cell)
  const rows = rowsOf('docs/doctor.md').filter(([name = '']) => /^`[a-z-]+`$/.test(name))
  const expected = rules.map(({ rule, severity, says, remedy }, index) => {
    return [`\`${rule}\``, severity, written(says, rows[index]?.[2]), written(remedy, rows[index]?.[3])]
  })
  expect(rows).toEqual(expected)
})

test("docs/doctor.md has doctor's own exit codes", () => {
  const page = rowsOf('docs/doctor.md').filter(([cell = '']) => /^\d+$/.test(cell))
  const own = exitCodeRows().filter(([, code]) => ['ok', 'WARNINGS', 'ERRORS'].includes(code))
  expect(page.map(([exitCode]) => exitCode)).toEqual(own.map(([exitCode]) => exitCode))
})

test('the README names the package of each scheme', () => {
  const readme = rowsOf('packages/cli/README.md')
  for (const { scheme, packageName } of adapterPackages) {
    const row = readme.find(([key = '']) => key.startsWith(`\`${scheme}://`))
    expect(row?.[1], scheme).toBe(`\`${packageName}\``)
  }
})

test('the manifest has each adapter of this repository as an optional peer', () => {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifestOf('packages/cli')
  const folders = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)
  const here = new Set(folders.map((folder) => manifestOf(folder).name))
  const adapters = adapterPackages.map(({ packageName }) => packageName).filter((name) => here.has(name))
  expect(Object.keys(peerDependencies).sort()).toEqual(adapters.sort())
  for (const name of adapters) expect(peerDependenciesMeta[name]).toEqual({ optional: true })
})

interface Manifest {
  readonly name: string
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, object>>
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
}

/** The rows of a page's tables, as cells. */
function rowsOf(path: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(root, path), 'utf8').split('\n')
  return lines
    .filter((line) => line.startsWith('| '))
    .map((line) => {
      const cells = line.split('|').slice(1, -1)
      return cells.map((cell) => cell.trim())
    })
}
