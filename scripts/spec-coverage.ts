// Accounts for every MUST and SHOULD of the message format's specification: a test cites its id, or docs/spec-exceptions.tsv says why not.
// `--write` regenerates docs/spec-coverage.md and docs/spec-ids.txt; `--check` fails on anything unaccounted for, unknown or stale.
// The sentences themselves are under a share-alike licence: only their ids and levels are kept in this repository.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The files of the specification that this release answers for; the others come with their providers. */
const specifications = ['message.json', 'aws-kms.json']
const testFolders = ['packages', 'testing']
const idsPath = 'docs/spec-ids.txt'
const exceptionsPath = 'docs/spec-exceptions.tsv'
const pagePath = 'docs/spec-coverage.md'
const kinds = ['n/a', 'deviates', 'later'] as const

type Kind = (typeof kinds)[number]
type Ids = ReadonlyMap<string, string>
interface Exception {
  readonly kind: Kind
  readonly reason: string
}
interface Coverage {
  readonly ids: Ids
  readonly citations: ReadonlyMap<string, readonly string[]>
  readonly exceptions: ReadonlyMap<string, Exception>
}

/**
 * Reads what `root` holds and what the specification asks; writes the page and the ids list when `write` is set.
 *
 * @returns every problem, one line each; none when all is accounted for.
 */
export function specCoverage(root: string, specification: string | undefined, write: boolean): string[] {
  const problems: string[] = []
  const listed = existsSync(join(root, idsPath)) ? readFileSync(join(root, idsPath), 'utf8') : ''
  const ids = specification === undefined ? parseIds(listed) : readSpecification(specification)
  if (ids.size === 0) return [`no ids: ${idsPath} is empty or missing, and KEYFOLD_SPECIFICATION is not set`]

  const citations = readCitations(root)
  const exceptions = readExceptions(join(root, exceptionsPath), problems)
  const coverage = { ids, citations, exceptions }
  problems.push(...unaccounted(coverage))
  for (const [path, content] of [
    [pagePath, formatPage(coverage)],
    [idsPath, formatIds(ids)],
  ] as const) {
    const file = join(root, path)
    if (write) writeFileSync(file, content)
    else if (!existsSync(file) || readFileSync(file, 'utf8') !== content)
      problems.push(`${path} is stale: run with --write`)
  }
  return problems
}

function readSpecification(folder: string): Ids {
  const ids = new Map<string, string>()
  for (const name of specifications) {
    const { requirements }: { requirements: { id: string; level: string }[] } = JSON.parse(
      readFileSync(join(folder, name), 'utf8'),
    )
    for (const { id, level } of requirements) ids.set(id, level)
  }
  return ids
}

function parseIds(text: string): Ids {
  return new Map(
    lines(text)
      .map((line) => split(line, '\t', 2))
      .map(([level = '', id = '']) => [id, level]),
  )
}

function formatIds(ids: Ids): string {
  return [...ids].map(([id, level]) => `${level}\t${id}\n`).join('')
}

/** The tests that cite each id, as paths: `// spec: ID` on a line of its own. */
function readCitations(root: string): Map<string, string[]> {
  const citations = new Map<string, string[]>()
  for (const path of testFolders.flatMap((folder) => testFiles(root, folder))) {
    for (const [, id = ''] of readFileSync(join(root, path), 'utf8').matchAll(/^[ \t]*\/\/ spec: (.*\S)[ \t]*$/gm)) {
      citations.set(id, [...(citations.get(id) ?? []), path])
    }
  }
  return citations
}

function testFiles(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : testFiles(root, path)
      return entry.name.endsWith('.test.ts') ? [path] : []
    })
}

function readExceptions(path: string, problems: string[]): Map<string, Exception> {
  const exceptions = new Map<string, Exception>()
  if (!existsSync(path)) return exceptions
  const [header, ...rows] = lines(readFileSync(path, 'utf8'))
  if (header !== 'id\tkind\treason')
    problems.push(`${exceptionsPath}: the first line must be "id", "kind", "reason", separated by tabs`)
  for (const row of rows) {
    const [id = '', word = '', reason = ''] = split(row, '\t', 3)
    const kind = kinds.find((known) => known === word)
    if (kind === undefined) problems.push(`${exceptionsPath}: ${id}: "${word}": expected ${kinds.join(', ')}`)
    else if (reason.trim() === '') problems.push(`${exceptionsPath}: ${id}: no reason`)
    else if (exceptions.has(id)) problems.push(`${exceptionsPath}: ${id}: listed twice`)
    else exceptions.set(id, { kind, reason })
  }
  return exceptions
}

function unaccounted({ ids, citations, exceptions }: Coverage): string[] {
  const problems: string[] = []
  for (const [id, level] of ids) {
    if (!citations.has(id) && !exceptions.has(id))
      problems.push(`${id}: a ${level} that no test cites and no exception names`)
  }
  for (const [id, paths] of citations) {
    if (!ids.has(id)) problems.push(`${id}: unknown id, cited in ${paths.join(', ')}`)
    const kind = exceptions.get(id)?.kind
    // A deviation is cited by the test that shows it; what is not here or not yet cannot be shown.
    if (kind === 'n/a' || kind === 'later') problems.push(`${id}: "${kind}", but cited in ${paths.join(', ')}`)
  }
  for (const id of exceptions.keys()) if (!ids.has(id)) problems.push(`${id}: unknown id in ${exceptionsPath}`)
  return problems
}

function formatPage(coverage: Coverage): string {
  const { ids, exceptions } = coverage
  const all = [...ids.keys()]
  const files = Map.groupBy(all, (id) => split(id, '#', 2)[0] ?? id)
  const out = [
    '<!-- Generated by scripts/spec-coverage.ts --write: do not edit. -->',
    '# Specification coverage',
    '',
    'Every sentence of the specification of the message format and of its AWS KMS keyrings (`awslabs/aws-encryption-sdk-specification`) that says MUST, MUST NOT, SHOULD or SHOULD NOT',
    'is cited by a test (`// spec: ID`) or named below with the reason why not.',
    '',
    tableHead('file'),
    ...[...files].map(([file, own]) => countRow(file, own, coverage)),
    countRow('**all**', all, coverage),
    '',
  ]
  for (const [file, own] of files) {
    const sections = Map.groupBy(own, (id) => id.slice(file.length + 1, id.lastIndexOf('/')))
    out.push(
      `## ${file}`,
      '',
      tableHead('section'),
      ...[...sections].map(([section, group]) => countRow(section, group, coverage)),
      '',
    )
  }
  out.push('## Exceptions', '', '| id | level | kind | reason |', '|---|---|---|---|')
  for (const id of all) {
    const exception = exceptions.get(id)
    if (exception)
      out.push(`| ${id} | ${ids.get(id)} | ${exception.kind} | ${exception.reason.replaceAll('|', '\\|')} |`)
  }
  return `${out.join('\n')}\n`
}

function tableHead(first: string): string {
  return `| ${first} | MUST | SHOULD | cited by a test | deviates | n/a | later | open |\n|---|---|---|---|---|---|---|---|`
}

/** One row: a deviation counts as such even when a test shows it, so the columns after the levels add up. */
function countRow(name: string, own: readonly string[], { ids, citations, exceptions }: Coverage): string {
  const level = (word: string) => own.filter((id) => ids.get(id)?.startsWith(word)).length
  const kind = (word: Kind) => own.filter((id) => exceptions.get(id)?.kind === word).length
  const cited = own.filter((id) => citations.has(id) && !exceptions.has(id)).length
  const open = own.filter((id) => !citations.has(id) && !exceptions.has(id)).length
  const counts = [level('MUST'), level('SHOULD'), cited, kind('deviates'), kind('n/a'), kind('later'), open]
  return `| ${[name, ...counts].join(' | ')} |`
}

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '')
}

/** `text` in at most `limit` pieces; the last one keeps the separators that are left. */
function split(text: string, separator: string, limit: number): string[] {
  const pieces = text.split(separator)
  return [...pieces.slice(0, limit - 1), pieces.slice(limit - 1).join(separator)]
}

if (import.meta.main) {
  const write = process.argv.includes('--write')
  if (!write && !process.argv.includes('--check')) {
    console.error('usage: spec-coverage.ts --check | --write')
    process.exit(2)
  }
  const problems = specCoverage(join(import.meta.dirname, '..'), process.env['KEYFOLD_SPECIFICATION'], write)
  for (const problem of problems) console.error(problem)
  console.log(
    problems.length === 0
      ? 'specification: every sentence is accounted for'
      : `specification: ${problems.length} problems`,
  )
  // Writing is how one gets from here to there: only the check fails.
  process.exitCode = problems.length === 0 || write ? 0 : 1
}
