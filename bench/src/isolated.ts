import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type Runner, type Samples, takeTurns } from './measure.ts'
import type { ContenderName, Work } from './work.ts'

/**
 * Times a work's contenders, each in a process of its own, of which one is at work at a time. Within one process they
 * would time each other: who allocates much makes the young generation large and its collections slow for all, a full
 * collection makes V8 drop the code compiled for whoever is not at work, and what they share of Node's own code is
 * compiled for the arguments of all.
 */
export async function measureIsolated(work: Work, rounds: number): Promise<Samples> {
  const children: ChildProcess[] = []
  const runners: Partial<Record<ContenderName, Runner>> = {}
  try {
    for (const name of Object.keys(work.contenders) as ContenderName[]) {
      const child = fork(new URL('isolated-child.ts', import.meta.url), [work.name, name])
      children.push(child)
      await answerOf(child) // warm, before the next one starts
      runners[name] = { sample: () => sampleIn(child) }
    }
    return await takeTurns(runners, rounds)
  } finally {
    for (const child of children) child.disconnect()
  }
}

function sampleIn(child: ChildProcess): Promise<number> {
  const answer = answerOf(child)
  child.send('sample')
  return answer
}

async function answerOf(child: ChildProcess): Promise<number> {
  const ended = new AbortController()
  const [answer] = await Promise.race([
    once(child, 'message', { signal: ended.signal }),
    once(child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('a contender ended before it answered')
    }),
  ]).finally(() => ended.abort())
  return answer as number // the child's own
}
