import { demand, present } from './assert.ts'
import { type Bench, seal } from './bench.ts'
import { operationsOf, operationsWith } from './operations.ts'
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
  {
    name: 'ends a call that its service never answers once its signal is aborted',
    applies: 'always',
    needs: 'stalled',
    run: endsWhileStalled,
  },
]

/** How long a service that never answers is waited for. */
const patienceMs = 50

async function endsWhileStalled(bench: Bench): Promise<void> {
  const provider = present(await bench.subject.stalled?.(), 'stalled()')
  const sealed = bench.sealer === undefined ? undefined : await seal(bench)
  let stalls = 0
  for (const { name, call } of operationsWith({ provider }, sealed)) {
    const controller = new AbortController()
    const ended = outcomeOf(() => call({ signal: controller.signal }))
    const early = await within(patienceMs, ended)
    if (early !== undefined) {
      // A public key may be at hand, and a state remembered; but a failure is no answer.
      demand('value' in early, `${name}: failed before its signal was aborted`)
      continue
    }
    stalls += 1
    controller.abort()
    const outcome = await within(soonMs, ended)
    demand(outcome !== undefined, `${name}: no answer within ${soonMs} ms of an abort, the service being silent`)
    demandFailure(`${name} aborted while its service was silent`, outcome, ['ABORTED'])
  }
  demand(stalls > 0, 'stalled(): every call was answered')
}

interface Moment {
  readonly when: string
  readonly wait?: () => Promise<void>
}

const moments: readonly Moment[] = [
  { when: 'at once' },
  { when: 'a microtask later', wait: () => Promise.resolve() },
  { when: 'a timer later', wait: () => new Promise((resolve) => setTimeout(resolve, 1)) },
]
