// Core's root entry, and what its users test with, must run where there is no Node: bundled under the `browser` condition, the whole graph
// of each names no Node module, not even dynamically, and uses no global that only Node has. Checks the sources, and dist where it is
// built; prints the size.
import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const core = join(import.meta.dirname, '..', 'packages', 'core')
const entries = ['index', 'testing/index'].flatMap((entry) => [
  { name: `source of ${entry}`, path: join(core, 'src', `${entry}.ts`), conditions: ['@keyfold/source', 'browser'] },
  { name: `dist of ${entry}`, path: join(core, 'dist', `${entry}.js`), conditions: ['browser'] },
])
const nodeGlobals = ['Buffer', 'process', 'global', 'setImmediate', 'clearImmediate', '__dirname', '__filename']
const nodeModules = new Set(builtinModules)

/** Bundles one entry; answers what it must not contain, and its size. */
export async function checkBrowser(
  path: string,
  conditions: readonly string[],
): Promise<{ problems: string[]; size: string }> {
  const marker = '__keyfold_node_global_'
  const { metafile, outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    // `neutral` and not `browser`: esbuild would otherwise replace Node modules by empty ones where a package asks for it.
    platform: 'neutral',
    mainFields: ['browser', 'module', 'main'],
    conditions: [...conditions],
    // Left out of the bundle so that they show in the graph by name instead of ending the build at the first one.
    external: ['node:*', ...nodeModules],
    // A free use of such a name (not a property, not a local) comes out under the marker.
    define: Object.fromEntries(nodeGlobals.map((name) => [name, marker + name])),
    logLevel: 'silent',
  })
  const problems = Object.entries(metafile.inputs).flatMap(([input, { imports }]) =>
    imports
      .filter(({ path: imported }) => imported.startsWith('node:') || nodeModules.has(imported))
      .map(({ path: imported, kind }) => `${input}: ${kind} of ${imported}`),
  )
  const bytes = outputFiles[0]?.contents ?? new Uint8Array()
  const code = new TextDecoder().decode(bytes)
  for (const name of nodeGlobals) if (code.includes(marker + name)) problems.push(`the global ${name} is used`)
  return {
    problems,
    size: `${(bytes.length / 1024).toFixed(1)} KiB minified, ${(gzipSync(bytes).length / 1024).toFixed(1)} KiB gzipped`,
  }
}

if (import.meta.main) {
  for (const { name, path, conditions } of entries) {
    if (name.startsWith('dist') && !existsSync(path)) {
      console.log(`browser: ${name} is not built, only the sources were checked`)
      continue
    }
    const { problems, size } = await checkBrowser(path, conditions)
    for (const problem of problems) console.error(`browser: ${name}: ${problem}`)
    if (problems.length > 0) process.exitCode = 1
    else console.log(`browser: ${name}: no Node module, no Node global; ${size}`)
  }
}
