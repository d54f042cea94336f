import { demand } from './assert.ts'
import { operationsOf } from './operations.ts'
import { demandFailure, outcomeOf, within } from './outcome.ts'
import type { CaseRow } from './row.ts'

/** Giving up needs no answer of a service. */
const soonMs = 1000

/** That a call ends when its caller gives up. */
export const abortCases: readonly CaseRow[] = [
  {
    name: 'refuses a call whose signal is aborted already with ABORTED',
    applies: 'always',
    async run(bench) {
      for (const { name, call } of await operationsOf(bench)) {
        const outcome = await within(
          soonMs,
          outcomeOf(() => call({ signal: AbortSignal.abort() })),
        )
        demand(outcome !== undefined, `${name}: no answer within ${soonMs} ms under an aborted signal`)
        demandFailure(`${name} under an aborted signal`, outcome, ['ABORTED'])
      }
    },
  },
  {
    name: 'ends a call soon after its signal is aborted',
    applies: 'always',
    async run(bench) {
      for (const { name, call } of await operationsOf(bench)) {
        for (const { when, wait } of moments) {
          const controller = new AbortController()
          const ended = outcomeOf(() => call({ signal: controller.signal }))
          await wait?.()
          controller.abort()
          const outcome = await within(soonMs, ended)
          demand(outcome !== undefined, `${name}: no answer within ${soonMs} ms of an abort ${when}`)
          // An answer is well too: it may have been on its way.
          if ('error' in outcome) demandFailure(`${name} aborted ${when}`, outcome, ['ABORTED'])
        }
      }
    },
  },
]

interface Moment {
  readonly when: string
  readonly wait?: () => Promise<void>
}

const moments: readonly Moment[] = [
  { when: 'at once' },
  { when: 'a microtask later', wait: () => Promise.resolve() },
  { when: 'a timer later', wait: () => new Promise((resolve) => setTimeout(resolve, 1)) },
]
