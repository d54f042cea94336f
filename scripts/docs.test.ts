// The documentation says what the code does: where a page repeats a table of the code, the two are held against each other.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { type ErrorCode, KeyfoldError } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { findMarkdown } from './doc-examples.ts'

const root = join(import.meta.dirname, '..')

describe('docs/errors.md', () => {
  const rows = rowsOf('docs/errors.md').filter(([code = '']) => /^`[A-Z_]+`$/.test(code))
  const codes = [...between('packages/core/src/errors.ts', 'export const errorCodes = [', ']').matchAll(/'([A-Z_]+)'/g)]
    .map(([, code]) => code ?? '')
    .sort()

  test('has a row for each code, once, and for no other', () => {
    expect(codes).toContain('UNKNOWN')
    expect(rows.map(([code = '']) => code.slice(1, -1)).sort()).toEqual(codes)
  })

  test('says of each whether it is retryable', () => {
    for (const [code = '', retryable = ''] of rows) {
      const error = new KeyfoldError(code.slice(1, -1) as ErrorCode, '') // the test above
      expect(retryable.startsWith('yes'), code).toBe(error.retryable)
    }
  })

  test('has the exit codes of the command line', () => {
    const table = between('packages/cli/src/exit-codes.ts', 'const errorCodes', '\n}\n')
    const exitCodes = [...table.matchAll(/^ {2}([A-Z_]+): \[(\d+),/gm)].map(([, code, number]) => [
      `\`${code}\``,
      number,
    ])
    expect(rows.map(([code, , exitCode]) => [code, exitCode]).sort()).toEqual(exitCodes.sort())
  })
})

test('docs/wire-format.md has a row for each suite, with its name', () => {
  const table = between('packages/core/src/suite/table.ts', 'const rows', '\n]\n')
  const suites = [...table.matchAll(/id: (0x[0-9a-f]{4}),\s+name: '(\w+)'/g)].map(([, id, name]) => [id, `\`${name}\``])
  expect(suites).toHaveLength(11)
  const rows = rowsOf('docs/wire-format.md').filter(
    ([id = '', name = '']) => id.startsWith('0x') && name.startsWith('`'),
  )
  expect(rows.map(([id, name]) => [id, name])).toEqual(suites)
})

test('docs/tour.md shows what its example prints', () => {
  const example = join(root, 'examples', 'src', 'annotated-message.ts')
  const { stdout } = spawnSync(process.execPath, ['--conditions=@keyfold/source', example], { encoding: 'utf8' })
  expect(stdout.split('\n').length).toBeGreaterThan(20)
  expect(read('docs/tour.md')).toContain(`\`\`\`\n${stdout}\`\`\`\n`)
})

test('docs/tour.md names nothing that core does not have', () => {
  const names = [...read('docs/tour.md').matchAll(/`([a-zA-Z]+[a-z][A-Z]\w*)`/g)].map(([, name]) => name ?? '')
  expect(names.length).toBeGreaterThan(20)
  const core = 'packages/core/src'
  const files = readdirSync(join(root, core), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const sources = files.filter((name) => !/\.test[.-]/.test(name)).map((name) => read(join(core, name)))
  expect(names.filter((name) => !sources.some((source) => new RegExp(`\\b${name}\\b`).test(source)))).toEqual([])
})

describe('links', () => {
  test.each(findMarkdown(root).map((path) => [path]))('of %s lead to files and headings', (path) => {
    expect(brokenLinks(path, read(path))).toEqual([])
  })

  test('that lead nowhere are found, and code is none', () => {
    const page = [
      '# Top & `more`',
      '[a](README.md) [b](nothing.md) [c](#top--more) [d](#none) [e](docs/errors.md#codes)',
      '`[f](nothing.md)` [g](https://example.com) [h](docs/errors.md#none)',
      '```',
      '[i](nothing.md)',
      '```',
    ].join('\n')
    expect(brokenLinks('page.md', page)).toEqual(['nothing.md', '#none', 'docs/errors.md#none'])
  })
})

/** The relative links of a page whose file or heading is not there. */
function brokenLinks(path: string, page: string): readonly string[] {
  const text = withoutBlocks(page).replace(/`[^`\n]*`/g, '`')
  const targets = [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target ?? '')
  return targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(path, page, target))
}

function leadsSomewhere(path: string, page: string, target: string): boolean {
  const [file = '', heading] = target.split('#')
  if (file === '') return heading !== undefined && headingsOf(page).has(heading)
  const absolute = join(root, dirname(path), file)
  // A link out of the repository works on one machine alone.
  if (relative(root, absolute).split(sep)[0] === '..' || !existsSync(absolute)) return false
  if (heading === undefined) return true
  return statSync(absolute).isFile() && headingsOf(readFileSync(absolute, 'utf8')).has(heading)
}

/** The anchors of a page's headings, as the usual renderers make them. */
function headingsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, text = ''] of withoutBlocks(page).matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = text
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-')
    let next = anchor
    for (let n = 1; anchors.has(next); n++) next = `${anchor}-${n}`
    anchors.add(next)
  }
  return anchors
}

function withoutBlocks(page: string): string {
  return page.replace(/^```.*?^```$/gms, '')
}

/** The rows of a page's tables, as cells. */
function rowsOf(path: string): readonly (readonly string[])[] {
  const lines = read(path).split('\n')
  return lines
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** The part of a file from `start` to the first `end` behind it. */
function between(path: string, start: string, end: string): string {
  const text = read(path)
  const from = text.indexOf(start)
  const to = text.indexOf(end, from)
  if (from === -1 || to === -1) throw new Error(`${path}: ${start} … ${end} is not there`)
  return text.slice(from, to)
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
