import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { counts } from './counts.ts'
import type { Figure } from './figure.ts'
import { measureImport } from './import-time.ts'
import { measureIsolated } from './isolated.ts'
import { machine, machineLine, markedPart } from './page.ts'
import { formatMarkdown, formatTerminal, isMet, type Outcome, outcomeOf, type Results } from './report.ts'
import { works } from './works.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    only: { type: 'string', default: '' },
    check: { type: 'boolean', default: false },
    markdown: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log('pnpm bench [--rounds N] [--only TEXT] [--check] [--markdown FILE]')
  console.log('  --only TEXT      only the works and counts whose name has TEXT in it ("import" is one)')
  console.log('  --check          end with an error where a target is missed')
  console.log('  --markdown FILE  write the table into FILE, between its lines <!-- bench --> and <!-- /bench -->')
} else {
  await run(Number(values.rounds), values.only)
}

async function run(rounds: number, only: string): Promise<void> {
  if (!(Number.isInteger(rounds) && rounds >= 7)) throw new Error('--rounds: at least 7')
  const page = values.markdown === undefined ? undefined : markedPart(values.markdown, 'bench')
  const chosen = <T extends { readonly name: string }>(all: readonly T[]) =>
    all.filter(({ name }) => name.includes(only))
  const outcomes: Outcome[] = []
  for (const work of chosen(await works())) {
    console.error(`${work.name}: ${rounds} rounds of ${Object.keys(work.contenders).join(', ')}`)
    outcomes.push(outcomeOf(work, await measureIsolated(work, rounds)))
  }
  const figures: Figure[] = []
  for (const count of chosen(counts)) {
    console.error(`${count.name}: counted`)
    figures.push(...(await count.figures()))
  }
  const importTime = 'import'.includes(only) ? measureImport(2 * rounds) : undefined
  const results: Results = { outcomes, figures, importTime }
  console.log(formatTerminal(results))
  writeJson(rounds, results)
  page?.(`${machineLine}; ${rounds} rounds.\n\n${formatMarkdown(results)}`)
  if (values.check && !isMet(results)) process.exitCode = 1
}

function writeJson(rounds: number, results: Results): void {
  const folder = new URL('../results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL('latest.json', folder), `${JSON.stringify({ machine, rounds, ...results }, null, 1)}\n`)
}
