import Table from 'cli-table3'

/** The rows of a table, for a terminal and for Markdown alike. */
export type Rows = readonly (readonly string[])[]

export type DrawTable = (heads: readonly string[], rows: Rows) => string

export const terminalTable: DrawTable = (heads, rows) => {
  const table = new Table({ head: [...heads], style: { head: [], border: [] } })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}

export const markdownTable: DrawTable = (heads, rows) => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [heads, heads.map(() => '---'), ...rows].map(line).join('\n')
}
