// What users get is the packed package and not the checkout: each publishable one is packed, linted, installed into an empty folder and
// imported there, every entry point, by Node, by the oldest Node that the packages promise, and by TypeScript; core's are used together.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly engines?: { readonly node?: string }
}

const root = join(import.meta.dirname, '..')
const rootManifest: { devDependencies: Record<string, string> } = readJson(join(root, 'package.json'))
const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))
const packages = folders
  .map((folder) => ({ folder, manifest: readJson<Manifest>(join(folder, 'package.json')) }))
  .filter(({ manifest }) => !manifest.private)
const entries = packages.flatMap(({ manifest: { name, exports = {} } }) =>
  Object.keys(exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => name + entry.slice(1)),
)

delete process.env['NODE_COMPILE_CACHE'] // the consumer's modules are compiled for once
const oldestNode = promisedNode()
const consumer = mkdtempSync(join(tmpdir(), 'keyfold-consumer-'))
try {
  const tarballs = packages.map(({ folder, manifest }) => pack(folder, manifest))
  install(tarballs)
  importAll()
  compileAll()
  useTogether()
  for (const { manifest } of packages) for (const bin of Object.keys(manifest.bin ?? {})) showHelp(bin)
  console.log(
    `packages: ${packages.length} packed and installed, ${entries.length} entry points, on Node ${process.version} and ${onOldestNode(['--version']).trim()}: ${entries.join(', ')}`,
  )
} finally {
  rmSync(consumer, { recursive: true, force: true })
}

function pack(folder: string, { name }: Manifest): string {
  const output = run('pnpm', ['pack', '--json', '--pack-destination', consumer], folder)
  const { filename }: { filename: string } = JSON.parse(output)
  console.log(`packages: ${name}: publint, attw`)
  node([join(root, 'scripts/node_modules/publint/src/cli.js'), 'run', filename, '--strict'], folder)
  node(
    [join(root, 'scripts/node_modules/@arethetypeswrong/cli/dist/index.js'), filename, '--profile', 'esm-only'],
    folder,
  )
  return filename
}

/** All promise the same one. */
function promisedNode(): string {
  const [range = '', ...others] = new Set(packages.map(({ manifest }) => manifest.engines?.node))
  const version = /^>=(\d+\.\d+)$/.exec(range)?.[1]
  if (version === undefined || others.length > 0) throw new Error(`engines.node of the packages: ${[range, ...others]}`)
  return version
}

function install(tarballs: readonly string[]): void {
  write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  // The declarations name types of Node (KeyObject), as its own users' programs do.
  const types = `@types/node@${rootManifest.devDependencies['@types/node']}`
  // An entry point may need an optional peer: whoever imports it installs that. One of our own is there as a tarball.
  const own = new Set(packages.map(({ manifest }) => manifest.name))
  const peers = packages.flatMap(({ manifest: { peerDependencies = {} } }) =>
    Object.entries(peerDependencies).flatMap(([name, range]) => (own.has(name) ? [] : [`${name}@${range}`])),
  )
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs, ...peers, types, `node@${oldestNode}`],
    consumer,
  )
}

function importAll(): void {
  const lines = entries.map(
    (entry) => `if (Object.keys(await import('${entry}')).length === 0) throw new Error('${entry} exports nothing')`,
  )
  write('import.mjs', lines.join('\n'))
  node(['import.mjs'], consumer)
  onOldestNode(['import.mjs'])
}

function compileAll(): void {
  const lines = entries.map((entry, index) => `import * as entry${index} from '${entry}'\nconsole.log(entry${index})`)
  write('consumer.ts', lines.join('\n'))
  const strict = ['--strict', '--noEmit', '--skipLibCheck', 'false', '--target', 'es2024', '--types', 'node']
  for (const options of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    node([join(root, 'node_modules/typescript/bin/tsc'), ...strict, ...options, 'consumer.ts'], consumer)
  }
}

function useTogether(): void {
  copyFileSync(join(import.meta.dirname, 'use-together.ts'), join(consumer, 'use-together.ts'))
  console.log(node(['use-together.ts'], consumer).trim())
  onOldestNode(['--experimental-strip-types', 'use-together.ts'])
}

function showHelp(bin: string): void {
  const path = join(consumer, 'node_modules', '.bin', bin)
  for (const help of [run(path, ['--help'], consumer), onOldestNode([path, '--help'])]) {
    if (help.trim() === '') throw new Error(`${bin} --help prints nothing`)
  }
}

function write(name: string, content: string): void {
  writeFileSync(join(consumer, name), `${content}\n`)
}

function node(args: string[], cwd: string): string {
  return run(process.execPath, args, cwd)
}

function onOldestNode(args: string[]): string {
  return run(join(consumer, 'node_modules', '.bin', 'node'), args, consumer)
}

/** The command's standard output; its whole output in the error when it fails. */
function run(file: string, args: string[], cwd: string): string {
  const { status, error, stdout, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`)
  return stdout
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8'))
}
