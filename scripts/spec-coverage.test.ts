import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { specCoverage } from './spec-coverage.ts'

const requirements = [
  { id: 'data-format/a.md#one/1', level: 'MUST', text: 'x' },
  { id: 'data-format/a.md#one/2', level: 'SHOULD', text: 'x' },
  { id: 'client-apis/b.md#two-words/1', level: 'MUST NOT', text: 'x' },
]
const [first, second, third] = requirements.map(({ id }) => id)
const header = 'id\tkind\treason\n'

let root = ''
let specification = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyfold-spec-'))
  specification = join(root, 'specification')
  put('specification/message.json', JSON.stringify({ requirements: requirements.slice(0, 2) }))
  put('specification/aws-kms.json', JSON.stringify({ requirements: requirements.slice(2) }))
  put('packages/core/src/a.test.ts', `// spec: ${first}\n  // spec: ${second}\ntest('x')\n`)
  put('docs/spec-exceptions.tsv', `${header}${third}\tlater\tstreams come | with issue "Streams"\n`)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('passes when each sentence is cited or excepted, with the folder and without', () => {
  expect(specCoverage(root, specification, true)).toEqual([])
  expect(check()).toEqual([])
  expect(specCoverage(root, undefined, false)).toEqual([])
})

test('writes counts per file and section, exceptions with reasons, and no sentence', () => {
  specCoverage(root, specification, true)
  const page = read('docs/spec-coverage.md')
  expect(page).toContain('| data-format/a.md | 1 | 1 | 2 | 0 | 0 | 0 | 0 |')
  expect(page).toContain('| two-words | 1 | 0 | 0 | 0 | 0 | 1 | 0 |')
  expect(page).toContain('| **all** | 2 | 1 | 2 | 0 | 0 | 1 | 0 |')
  expect(page).toContain(`| ${third} | MUST NOT | later | streams come \\| with issue "Streams" |`)
  expect(read('docs/spec-ids.txt')).toBe(requirements.map(({ id, level }) => `${level}\t${id}\n`).join(''))
})

test('refuses a sentence that is nowhere, whatever its level', () => {
  put('packages/core/src/a.test.ts', `test('x')\n`)
  expect(problemsAfterWrite()).toEqual([
    `${first}: a MUST that no test cites and no exception names`,
    `${second}: a SHOULD that no test cites and no exception names`,
  ])
})

test('sees citations in test files of packages and testing only', () => {
  put('packages/core/src/a.test.ts', '')
  put('packages/core/src/a.ts', `// spec: ${first}\n`)
  put('packages/core/node_modules/x/a.test.ts', `// spec: ${first}\n`)
  put('packages/core/dist/a.test.ts', `// spec: ${first}\n`)
  put('testing/src/deep/b.test.ts', `// spec: ${second}\n`)
  expect(problemsAfterWrite()).toEqual([`${first}: a MUST that no test cites and no exception names`])
})

test('refuses an unknown id, cited or excepted', () => {
  put('testing/src/b.test.ts', '// spec: data-format/a.md#one/3\n')
  put('docs/spec-exceptions.tsv', `${header}${third}\tlater\tx\ndata-format/a.md#none/1\tn/a\tx\n`)
  expect(problemsAfterWrite()).toEqual([
    'data-format/a.md#one/3: unknown id, cited in testing/src/b.test.ts',
    'data-format/a.md#none/1: unknown id in docs/spec-exceptions.tsv',
  ])
})

test.each(['n/a', 'later'])('refuses an id that is cited and %s', (kind) => {
  put('docs/spec-exceptions.tsv', `${header}${first}\t${kind}\tx\n${third}\tlater\tx\n`)
  expect(problemsAfterWrite()).toEqual([`${first}: "${kind}", but cited in packages/core/src/a.test.ts`])
})

test('lets a test show a deviation', () => {
  put('docs/spec-exceptions.tsv', `${header}${first}\tdeviates\tstricter\n${third}\tlater\tx\n`)
  expect(problemsAfterWrite()).toEqual([])
})

test.each([
  ['an unknown kind', `${third}\tnever\tx\n`, /"never": expected n\/a, deviates, later/],
  ['an empty reason', `${third}\tlater\t \n`, /no reason/],
  ['a row given twice', `${third}\tlater\tx\n${third}\tn/a\ty\n`, /listed twice/],
])('refuses %s', (_, rows, message) => {
  put('docs/spec-exceptions.tsv', header + rows)
  expect(problemsAfterWrite()[0]).toMatch(message)
})

test('refuses a table without its header', () => {
  put('docs/spec-exceptions.tsv', `${third}\tlater\tx\n`)
  expect(problemsAfterWrite()[0]).toMatch(/first line/)
})

test('refuses a stale page and, where the specification is at hand, a stale list', () => {
  specCoverage(root, specification, true)
  put('docs/spec-coverage.md', `${read('docs/spec-coverage.md')}\n`)
  put('docs/spec-ids.txt', `MUST\t${first}\n`)
  expect(check()).toEqual([
    'docs/spec-coverage.md is stale: run with --write',
    'docs/spec-ids.txt is stale: run with --write',
  ])
})

test('refuses to pass on no ids at all', () => {
  expect(specCoverage(root, undefined, false)).toEqual([expect.stringContaining('no ids')])
})

function check(): string[] {
  return specCoverage(root, specification, false)
}

function problemsAfterWrite(): string[] {
  specCoverage(root, specification, true)
  return check()
}

function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
