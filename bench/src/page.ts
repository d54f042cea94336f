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
 * What stands between a page's lines `<!-- NAME -->` and `<!-- /NAME -->`, to be replaced: asked for before minutes are spent
 * on what goes there.
 *
 * @throws Error where there is no such page, or it lacks them
 */
export function markedPart(file: string, name: string): (text: string) => void {
  const marked = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*(\n<!-- /${name} -->)`)
  const read = (): string => {
    const page = readFileSync(file, 'utf8')
    if (!marked.test(page)) throw new Error(`${file} has no lines <!-- ${name} --> and <!-- /${name} -->`)
    return page
  }
  read()
  return (text) =>
    writeFileSync(
      file,
      read().replace(marked, (_, start: string, end: string) => `${start}\n${text}\n${end}`),
    )
}
