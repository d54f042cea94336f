import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { median } from './measure.ts'

const rounds = 7

/**
 * The median of each cost over processes that each run the script anew.
 *
 * @param script of a module, that prints its costs as one JSON object of milliseconds
 * @param env of the process; this one's by default
 * @returns each cost as text
 */
export async function coldStart<Cost extends string>(
  script: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Readonly<Record<Cost, string>>> {
  const all: Record<Cost, number>[] = []
  for (let round = 0; round <= rounds; round++) {
    const args = ['--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL('..', import.meta.url), env })
    if (round > 0) all.push(JSON.parse(stdout)) // the first fills the disk's caches
  }
  const [first] = all
  const costs = Object.keys(first ?? {}) as Cost[] // what the script printed
  const texts = costs.map((cost) => [cost, `${median(all.map((each) => each[cost])).toFixed(1)} ms`])
  return Object.fromEntries(texts)
}

/** What a key costs a new process: importing its package, the first data key, and the median of later ones. */
export type DataKeyCost = 'importMs' | 'firstCallMs' | 'laterCallMs'

/**
 * A script for `coldStart` that makes data keys. What core costs is left out.
 *
 * @param importing the statement that imports the package
 * @param making the expression that makes the key
 */
export function dataKeyScript(importing: string, making: string): string {
  return `
    await import('@keyfold/core')
    const since = (start) => performance.now() - start
    const start = performance.now()
    ${importing}
    const importMs = since(start)
    const provider = ${making}
    const call = async () => {
      const started = performance.now()
      const bound = { context: {}, contextBytes: new Uint8Array(0) }
      await provider.generateDataKey({ length: 32, ...bound }, { signal: new AbortController().signal })
      return since(started)
    }
    const firstCallMs = await call()
    const later = []
    for (let count = 0; count < 200; count++) later.push(await call())
    later.sort((a, b) => a - b)
    console.log(JSON.stringify({ importMs, firstCallMs, laterCallMs: later[100] }))
    await provider.close()
  `
}
