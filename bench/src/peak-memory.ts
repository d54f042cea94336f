import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { promisify } from 'node:util'
import type { Count, Figure } from './figure.ts'
import { median } from './measure.ts'

/**
 * The most memory that a process of its own ever held, Node's included, which seals and opens a gibibyte: the median of five
 * processes, since the collector's moments differ.
 */
export const peakMemory: Count = {
  name: '1 GiB memory',
  async figures() {
    const floor = await medianMebibytes('floor')
    const figureOf = async (kind: string): Promise<Figure> => ({
      name: `1 GiB sealed and opened, ${kind}: peak resident memory`,
      value: await medianMebibytes(kind),
      unit: 'MiB',
      target: 110,
      floor,
    })
    return [await figureOf('Duplex'), await figureOf('TransformStream')]
  },
}

async function medianMebibytes(kind: string): Promise<number> {
  const peaks: number[] = []
  while (peaks.length < 5) peaks.push(await peakMebibytes(kind))
  return median(peaks)
}

/** As plain JavaScript: the compiler by which Node runs TypeScript would take 17 MiB of its own. */
async function peakMebibytes(kind: string): Promise<number> {
  const script = stripTypeScriptTypes(await readFile(new URL('peak-memory-child.ts', import.meta.url), 'utf8'))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script, kind],
    { cwd: new URL('.', import.meta.url) }, // from where the script's imports are looked up
  )
  return Number(stdout) / 1024
}
