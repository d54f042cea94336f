// Runs every program in src/ as its own process, as a reader would, and fails when one of them does.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'src')
const programs = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .sort()
let failures = 0

for (const program of programs) {
  const started = performance.now()
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@keyfold/source', join(folder, program)],
    { cwd: import.meta.dirname, encoding: 'utf8', timeout: 60_000 },
  )
  const passed = status === 0
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${program} (${Math.round(performance.now() - started)} ms)`)
  if (passed) continue
  failures++
  console.log(`${stdout}${stderr}ended with ${signal ?? `exit code ${status}`}`)
}

console.log(`${programs.length} examples, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1
