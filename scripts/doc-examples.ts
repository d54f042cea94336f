// Finds the examples in the documentation, so that doc-examples.test.ts can type-check and run them: every block marked `ts`
// in the doc comments of packages/*/src, and those marked `ts run` in the repository's own Markdown.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface Example {
  /** Where it stands: `path:line` of its first line, from the root. */
  readonly place: string
  readonly code: string
}

/** A line that logs, with what it should. */
export interface Expectation {
  readonly line: number
  /** Undefined where nothing is said, or where `…` begins prose. */
  readonly text: string | undefined
}

/** Every example under the root, in the order of the files. */
export function findExamples(root: string): readonly Example[] {
  const sources = readdirSync(join(root, 'packages')).flatMap((name) => filesIn(root, `packages/${name}/src`, '.ts'))
  return [
    ...sources
      .filter((path) => !/\.test[.-]/.test(path))
      .flatMap((path) => examplesOfComments(path, readFileSync(join(root, path), 'utf8'))),
    ...findMarkdown(root).flatMap((path) => examplesOfMarkdown(path, readFileSync(join(root, path), 'utf8'))),
  ]
}

/** The repository's own Markdown, from the root; not what others wrote or a tool makes. */
export function findMarkdown(root: string): readonly string[] {
  return filesIn(root, '.', '.md').filter((path) => !path.endsWith('CHANGELOG.md'))
}

const skipped = new Set(['node_modules', 'dist', '.git', '.toolchain', '.turbo', '.changeset', 'results'])

function filesIn(root: string, folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesIn(root, path, ending)
    return entry.name.endsWith(ending) ? [path.split(sep).join('/')] : []
  })
}

/** The blocks marked `ts` in the doc comments of a source. */
export function examplesOfComments(path: string, source: string): readonly Example[] {
  const lines = source.split('\n')
  let inside = false
  const comments = lines.map((line) => {
    const starts = /^\s*\/\*\*/.test(line)
    if (starts) inside = true
    const text = inside && !starts ? line.replace(/^\s*\* ?/, '') : ''
    if (line.includes('*/')) inside = false
    return text
  })
  return blocksOf(path, comments, 'ts')
}

/** The blocks marked `ts run` in a page. */
export function examplesOfMarkdown(path: string, page: string): readonly Example[] {
  return blocksOf(path, page.split('\n'), 'ts run')
}

function blocksOf(path: string, lines: readonly string[], mark: string): readonly Example[] {
  const examples: Example[] = []
  let start: number | undefined
  let wanted = false
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('```')) continue
    if (start === undefined) {
      start = index + 1
      wanted = line.slice(3).trim() === mark
      continue
    }
    if (wanted) examples.push({ place: `${path}:${start + 1}`, code: lines.slice(start, index).join('\n') })
    start = undefined
  }
  return examples
}

/**
 * What each `console.log` of an example should print: the comment behind it, or on the line below after an arrow. In it `…`
 * stands for anything; a comment that begins with `…` is prose.
 */
export function expectationsOf({ code }: Example): readonly Expectation[] {
  const lines = code.split('\n')
  return lines.flatMap((line, index) => {
    if (!/^[^'"`]*\bconsole\.log\(/.test(line)) return []
    const behind = /\)\s*\/\/ (?:→ )?(.*)$/.exec(line)?.[1]
    const text = behind ?? /^\s*\/\/ → (.*)$/.exec(lines[index + 1] ?? '')?.[1]
    return [{ line: index + 1, text: text?.startsWith('…') ? undefined : text }]
  })
}

/** Whether what was printed is what was said. */
export function meets(printed: string, expected: string): boolean {
  const pattern = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${pattern.join('.*')}$`, 's').test(printed)
}

/** Examples as files, in a folder of their own in which every package of the workspace can be imported by its name. */
export interface Workshop extends Disposable {
  readonly folder: string
  /** In the order of the examples. */
  readonly files: readonly string[]
}

export function writeExamples(root: string, examples: readonly Example[]): Workshop {
  // In dist, which git, linter and compiler leave alone.
  const parent = join(root, 'examples', 'dist')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'doc-examples-'))
  linkPackages(root, folder)
  const files = examples.map(({ place, code }, index) => {
    const file = join(folder, `${String(index).padStart(3, '0')}.ts`)
    // The last line makes a module of it, in which await may stand anywhere.
    writeFileSync(file, `${withPathsFrom(dirname(join(root, place)), folder, code)}\nexport {}\n`)
    return file
  })
  const config = { extends: '../../../tsconfig.test.base.json', compilerOptions: { incremental: false } }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, include: ['*.ts'] }))
  writeFileSync(join(folder, 'record.mjs'), recorder)
  return { folder, files, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

function linkPackages(root: string, folder: string): void {
  for (const name of readdirSync(join(root, 'packages'))) {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as { name: string } // npm requires it
    const link = join(folder, 'node_modules', ...manifest.name.split('/'))
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'packages', name), link, 'junction')
  }
}

/** An example for those who change a package may import its neighbours, as `./reference.ts`. */
function withPathsFrom(home: string, folder: string, code: string): string {
  return code.replace(/(\bfrom ')(\.[^']*)(')/g, (_, before: string, path: string, after: string) => {
    return before + relative(folder, join(home, path)).split(sep).join('/') + after
  })
}

/** Loaded before an example: its `console.log` goes to a pipe of its own, each call ended by a zero. */
const recorder = `import { writeSync } from 'node:fs'
import { format } from 'node:util'
console.log = (...values) => void writeSync(3, format(...values) + '\\0')
`

export interface Run {
  readonly code: number | null
  readonly stderr: string
  /** What each call of `console.log` printed. */
  readonly printed: readonly string[]
}

export function runExample(workshop: Workshop, file: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const preload = pathToFileURL(join(workshop.folder, 'record.mjs')).href
    const child = spawn(process.execPath, ['--conditions=@keyfold/source', `--import=${preload}`, file], {
      cwd: workshop.folder,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      timeout: 30_000,
    })
    let stderr = ''
    let log = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const pipe = child.stdio[3]
    if (pipe !== null && pipe !== undefined && 'setEncoding' in pipe) {
      pipe.setEncoding('utf8').on('data', (text: string) => (log += text))
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stderr, printed: log.split('\0').slice(0, -1) }))
  })
}
