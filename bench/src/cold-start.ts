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
