// The layers of core are rules in biome.json. A renamed folder or a mistyped pattern would switch one off without a word, so each rule
// is shown here a file that it must refuse, and one that it must let pass.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const source = 'packages/core/src'

/** Top-level files in their order: each may import the ones before it. */
const files = [
  'errors',
  'demand-options',
  'clock',
  'observe',
  'secret-bytes',
  'reference',
  'until-aborted',
  'system-error',
]

/** Folders, and the folders that each may import besides the top-level files. */
const folders: Record<string, readonly string[]> = {
  suite: [],
  wire: ['suite'],
  crypto: ['suite', 'wire'],
  keys: ['suite', 'wire', 'crypto'],
  raw: ['suite', 'wire', 'crypto', 'keys'],
  'data-key-cache': ['suite', 'wire', 'crypto', 'keys', 'raw'],
  stream: [],
  message: ['suite', 'wire', 'crypto', 'keys', 'raw', 'data-key-cache', 'stream'],
  node: ['suite', 'wire', 'crypto', 'keys', 'raw', 'data-key-cache', 'stream', 'message'],
  local: ['suite', 'wire', 'crypto', 'keys', 'raw'],
  telemetry: ['suite', 'wire', 'crypto', 'keys', 'raw'],
  conformance: ['suite', 'wire', 'crypto', 'keys', 'raw'],
  testing: ['suite', 'wire', 'crypto', 'keys', 'raw'],
}
const engineUsers = ['crypto', 'raw', 'keys', 'message', 'local', 'data-key-cache']
const nodeUsers = ['node', 'local']
const entriesOfTheirOwn = ['node', 'local', 'telemetry', 'conformance', 'testing']

/** The ways to name another module that biome sees, each on a line of its own; `n` keeps the names apart. The last test has the others. */
const forms: readonly ((specifier: string, n: number) => string)[] = [
  (specifier, n) => `import { a as value${n} } from '${specifier}'`,
  (specifier, n) => `import type { A as Type${n} } from '${specifier}'`,
  (specifier, n) => `import * as namespace${n} from '${specifier}'`,
  (specifier) => `import '${specifier}'`,
  (specifier, n) => `export { a as again${n} } from '${specifier}'`,
  (specifier, n) => `export type { A as Again${n} } from '${specifier}'`,
  (specifier) => `export * from '${specifier}'`,
  (specifier, n) => `export const later${n} = await import('${specifier}')`,
]

interface Case {
  readonly from: string
  readonly to: string
  readonly refused: boolean
}
const cases: readonly Case[] = [...filesAmongThemselves(), ...foldersAmongThemselves(), ...otherModules()]

function* filesAmongThemselves(): Generator<Case> {
  for (const [index, file] of files.entries()) {
    const from = `${file}.ts`
    for (const [other, name] of files.entries()) {
      if (other !== index) yield { from, to: `./${name}.ts`, refused: other > index }
    }
    for (const to of ['./suite/a.ts', './index.ts', '#engine', 'a-package', '@keyfold/core'])
      yield { from, to, refused: true }
  }
}

function* foldersAmongThemselves(): Generator<Case> {
  for (const [folder, above] of Object.entries(folders)) {
    const from = `${folder}/a.ts`
    yield { from, to: './b.ts', refused: false }
    for (const file of files) yield { from, to: `../${file}.ts`, refused: false }
    for (const other of Object.keys(folders)) {
      if (other !== folder) yield { from, to: `../${other}/a.ts`, refused: !above.includes(other) }
    }
    // The ways round: a folder that no rule knows, the root entry, core by its own name, detours.
    for (const to of [
      '../unknown/a.ts',
      '../index.ts',
      '@keyfold/core',
      '@keyfold/core/local',
      './../unknown/a.ts',
      './b/../../unknown/a.ts',
    ]) {
      yield { from, to, refused: true }
    }
    yield { from: 'index.ts', to: `./${folder}/a.ts`, refused: entriesOfTheirOwn.includes(folder) }
  }
}

function* otherModules(): Generator<Case> {
  for (const folder of Object.keys(folders)) {
    yield { from: `${folder}/a.ts`, to: '#engine', refused: !engineUsers.includes(folder) }
    yield { from: `${folder}/a.ts`, to: 'node:fs', refused: !nodeUsers.includes(folder) }
  }
  yield { from: 'crypto/node.ts', to: 'node:crypto', refused: false }
  yield { from: 'crypto/node-wrapping.ts', to: 'node:crypto', refused: false }
  yield { from: 'crypto/web.ts', to: 'node:crypto', refused: true }
  yield { from: 'local/key-file.ts', to: 'node:fs', refused: true }
  yield { from: 'index.ts', to: 'node:fs', refused: true }
}

test('biome refuses what crosses a layer, and nothing else', () => {
  const lines = new Map<string, { text: string; refused: boolean }[]>()
  for (const { from, to, refused } of cases) {
    const file = lines.get(from) ?? []
    for (const write of forms) {
      const text = write(to, file.length)
      // A Node module may be named as a type (KeyObject): nothing of it is left at run time.
      file.push({ text, refused: refused && !(to.startsWith('node:') && /^\w+ type/.test(text)) })
    }
    lines.set(from, file)
  }
  const seen = refusals(new Map([...lines].map(([from, file]) => [from, file.map(({ text }) => text).join('\n')])))
  const wrong = [...lines].flatMap(([from, file]) =>
    file
      .filter(({ refused }, index) => seen.has(`${source}/${from}:${index + 1}`) !== refused)
      .map(({ text, refused }) => `${from}: ${text} ${refused ? 'passed' : 'was refused'}`),
  )
  expect(wrong).toEqual([])
}, 60_000)

test('every folder of core has a rule, and none has folders inside', () => {
  const known = [...Object.keys(folders), ...files.map((file) => `${file}.ts`), 'index.ts']
  const entries = readdirSync(join(root, source), { withFileTypes: true, recursive: true }).filter(
    ({ name }) => !isTest(name),
  )
  const inside = entries.filter(({ parentPath }) => parentPath !== join(root, source))
  const outside = entries.filter((entry) => !inside.includes(entry))
  expect(outside.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([])
  expect(inside.filter((entry) => entry.isDirectory()).map(({ name }) => name)).toEqual([])
})

test('core has no import that biome cannot see: a type query, a computed specifier', () => {
  const sources = readdirSync(join(root, source), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !isTest(name),
  )
  expect(sources.length).toBeGreaterThan(0)
  const hidden = sources.filter((name) => {
    const text = readFileSync(join(root, source, name), 'utf8')
    return (
      (text.match(/\b(import|require|createRequire)\s*\(/g) ?? []).length !==
      (text.match(/await import\('/g) ?? []).length
    )
  })
  expect(hidden).toEqual([])
})

test('OpenTelemetry, an optional peer, is named in telemetry/ alone', () => {
  const namers = readdirSync(join(root, source), { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      name.endsWith('.ts') &&
      !isTest(name) &&
      readFileSync(join(root, source, name), 'utf8').includes('@opentelemetry'),
  )
  expect(namers.map((name) => dirname(name))).toEqual(namers.map(() => 'telemetry'))
  expect(namers).not.toEqual([])
})

/** What this file reads of biome's JSON report. */
interface Report {
  readonly diagnostics: readonly {
    readonly category: string
    readonly location: { readonly path: string; readonly start: { readonly line: number } }
  }[]
}

/** Lints a copy of core that holds only the given files; answers `path:line` of each refusal. */
function refusals(contents: ReadonlyMap<string, string>): Set<string> {
  const overlay = mkdtempSync(join(tmpdir(), 'keyfold-layers-'))
  try {
    copyFileSync(join(root, 'biome.json'), join(overlay, 'biome.json'))
    for (const [name, content] of contents) {
      const path = join(overlay, source, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
    }
    const rules = /noRestrictedImports|noNodejsModules/
    const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
    const { stdout } = spawnSync(process.execPath, [biome, 'lint', '--reporter=json', '--max-diagnostics=none'], {
      cwd: overlay,
      encoding: 'utf8',
      maxBuffer: 1e8,
    })
    const report: Report = JSON.parse(stdout)
    return new Set(
      report.diagnostics
        .filter(({ category }) => rules.test(category))
        .map(({ location }) => `${location.path}:${location.start.line}`),
    )
  } finally {
    rmSync(overlay, { recursive: true, force: true })
  }
}

function isTest(name: string): boolean {
  return /\.test[.-]/.test(name)
}
