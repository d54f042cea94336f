// What each provider costs beside its service: requests a message with and without a data key cache, and what our code adds to
// a call of the service's bare client, against servers of this machine. `pnpm --filter @keyfold/bench providers --help`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machine, machineLine, markedPart } from './page.ts'
import { awsKmsKey } from './providers/aws-kms.ts'
import { countCalls } from './providers/calls.ts'
import { cloudKmsKeys } from './providers/cloud-kms.ts'
import { keyVaults } from './providers/key-vault.ts'
import { measureLatency } from './providers/latency.ts'
import { formatProviders, isMet, type ProviderOutcome } from './providers/report.ts'
import { transitKeys } from './providers/transit.ts'
import { markdownTable, terminalTable } from './table.ts'

const rows = [awsKmsKey, ...cloudKmsKeys, ...keyVaults, ...transitKeys]

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000' },
    pairs: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
    check: { type: 'boolean', default: false },
    markdown: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(
    'pnpm --filter @keyfold/bench providers [--only TEXT] [--messages N] [--pairs N] [--check] [--markdown FILE]',
  )
  console.log('  --only TEXT      only the keys whose name has TEXT in it')
  console.log('  --check          end with an error where a target is missed')
  console.log(
    '  --markdown FILE  write the tables into FILE, between its lines <!-- providers --> and <!-- /providers -->',
  )
} else {
  await run(Number(values.messages), Number(values.pairs))
}

async function run(messages: number, pairs: number): Promise<void> {
  for (const count of [messages, pairs]) {
    if (!(Number.isInteger(count) && count >= 1)) throw new Error('--messages, --pairs: at least 1')
  }
  const page = values.markdown === undefined ? undefined : markedPart(values.markdown, 'providers')
  const outcomes: ProviderOutcome[] = []
  for (const { name, start } of rows.filter((row) => row.name.includes(values.only))) {
    await using service = await start()
    console.error(`${name}: ${messages} messages counted, ${pairs} pairs timed`)
    const calls = await countCalls(service, messages)
    outcomes.push({ name, calls, latencies: await measureLatency(service, pairs) })
  }
  console.log(formatProviders(outcomes, terminalTable))
  writeJson(messages, pairs, outcomes)
  const told = `${machineLine}; ${messages} messages counted after the first, ${pairs} pairs timed.`
  page?.(`${told}\n\n${formatProviders(outcomes, markdownTable)}`)
  if (values.check && !outcomes.every(isMet)) process.exitCode = 1
}

function writeJson(messages: number, pairs: number, outcomes: readonly ProviderOutcome[]): void {
  const folder = new URL('../results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const json = { machine, messages, pairs, outcomes }
  writeFileSync(new URL('providers.json', folder), `${JSON.stringify(json, null, 1)}\n`)
}
