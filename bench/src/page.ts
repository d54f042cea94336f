import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** What a figure was measured on. */
export const machine = {
  node: process.version,
  processor: cpus()[0]?.model,
  processors: cpus().length,
  platform: process.platform,
} as const

/** The machine, as a page says it. */
export const machineLine = `Node ${machine.node}, ${machine.processors} × ${machine.processor}, ${machine.platform}`

/**
 * Replaces what stands between a page's lines `<!-- NAME -->` and `<!-- /NAME -->`.
 *
 * @throws Error where the page lacks them
 */
export function writeBetweenMarkers(file: string, name: string, text: string): void {
  const page = readFileSync(file, 'utf8')
  const marked = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*(\n<!-- /${name} -->)`)
  if (!marked.test(page)) throw new Error(`${file} has no lines <!-- ${name} --> and <!-- /${name} -->`)
  writeFileSync(
    file,
    page.replace(marked, (_, start: string, end: string) => `${start}\n${text}\n${end}`),
  )
}
