// Runs every program in src/ as its own process, as a reader would, and fails when one of them does. One whose server is missing
// says so by itself, in a line that begins with SKIPPED; under REQUIRE_SERVERS=all it fails.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'src')
const programs = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .sort()
const counts = { passed: 0, failed: 0, skipped: 0 }

for (const program of programs) {
  const started = performance.now()
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@keyfold/source', join(folder, program)],
    { cwd: import.meta.dirname, encoding: 'utf8', timeout: 60_000 },
  )
  const duration = `${Math.round(performance.now() - started)} ms`
  if (status !== 0) {
    counts.failed++
    console.log(`FAIL ${program} (${duration})\n${stdout}${stderr}ended with ${signal ?? `exit code ${status}`}`)
  } else if (stdout.startsWith('SKIPPED: ')) {
    counts.skipped++
    console.log(`SKIP ${program}: ${stdout.slice('SKIPPED: '.length).trim()}`)
  } else {
    counts.passed++
    console.log(`ok   ${program} (${duration})`)
  }
}

console.log(`${programs.length} examples, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed === 0 ? 0 : 1
