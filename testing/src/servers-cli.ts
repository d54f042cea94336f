import process from 'node:process'
import { resolveServer } from './resolve.ts'
import { SERVERS } from './servers.ts'

// `npm run servers`: brings everything that the tests can use, says where it is, and fails when something is missing.
for (const row of SERVERS) {
  const started = performance.now()
  const resolution = await resolveServer(row, { install: 'always', report: (line) => console.log(line) })
  if (resolution.state === 'located') {
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${row.name}: ${resolution.executable} (${resolution.from}, ${seconds} s)`)
  } else {
    console.error(`${row.name}: ${resolution.reason}`)
    process.exitCode = 1
  }
}
