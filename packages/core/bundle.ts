// Core's JavaScript as few files, since every file that is read makes a cold start longer: one for each entry point, and two for what
// they share. Each module is in exactly one of them: what marks by identity (keys of this process, envelopes) must exist once.
import { globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const entries = [
  'index',
  'node/index',
  'local/index',
  'conformance/index',
  'telemetry/otel',
  'testing/index',
  // What `#engine` leads to. The others do not contain them: which one it is, the runtime's conditions decide.
  'crypto/node',
  'crypto/web',
]
const groups = [
  // The layers that an engine may import. Apart from the rest, which imports the engine: the two would be a cycle.
  { name: 'base', test: /[/\\]src[/\\]((suite|wire|crypto)[/\\])?[\w-]+\.ts$/, minShareCount: 2 },
  { name: 'shared', minShareCount: 2 },
]

const root = import.meta.dirname
const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
  platform: 'neutral',
  external: ['#engine', /^node:/, '@opentelemetry/api'],
  transform: { target: 'es2024' },
  // Anything unresolved would be left as an import that nobody can follow.
  onLog(level, log) {
    if (level === 'warn') throw new Error(log.message)
  },
})
const { output } = await bundle.write({
  dir: join(root, 'dist'),
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  codeSplitting: { groups },
  // Not minified, and mapped to the sources, which are in the package: people read stack traces.
  sourcemap: true,
  sourcemapExcludeSources: true,
  comments: { legal: true, annotation: true, jsdoc: false },
})

// What an earlier build left would be packed.
const written = new Set(output.map(({ fileName }) => fileName))
for (const file of globSync('**/*.{js,js.map}', { cwd: join(root, 'dist') })) {
  if (!written.has(file.replaceAll('\\', '/'))) rmSync(join(root, 'dist', file))
}
