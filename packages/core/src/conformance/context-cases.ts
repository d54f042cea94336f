import type { KeyContext } from '../keys/key-provider.ts'
import { demand, demandSameBytes } from './assert.ts'
import { type Bench, generate, open, randomBytes, seal, takeBytes, wrap } from './bench.ts'
import { contextPairs, keyContext, largeContext, largestContext, usualContext } from './contexts.ts'
import { demandFailure, demandKeyfoldError, outcomeOf } from './outcome.ts'
import type { CaseRow } from './row.ts'

/** How a provider treats what a data key is bound to. */
export const contextCases: readonly CaseRow[] = [
  ...contextPairs.flatMap(({ what, sealed, opened }): readonly CaseRow[] => [
    {
      name: `opens under another context only where it binds none: ${what}`,
      applies: 'unwraps',
      run: (bench) => tellApart(bench, keyContext(sealed), keyContext(opened)),
    },
  ]),
  {
    name: 'seals and opens under the same context written anew',
    applies: 'unwraps',
    async run(bench) {
      for (const { sealed: pairs } of contextPairs) {
        const sealed = await seal(bench, keyContext(pairs))
        // The pairs in another order are the same context: their serialization is sorted.
        const again = keyContext(Object.fromEntries(Object.entries(pairs).reverse()))
        demandSameBytes(await open(bench, { ...sealed, bound: again }), sealed.bytes, JSON.stringify(pairs))
      }
    },
  },
  { name: 'works with an empty context', applies: 'round trip', run: (bench) => worksWith(bench, keyContext({})) },
  { name: 'works with a large context', applies: 'round trip', run: (bench) => worksWith(bench, largeContext()) },
  {
    name: 'works with the largest context of the format, or refuses it',
    applies: 'seals',
    async run(bench) {
      const outcome = await outcomeOf(() => seal(bench, largestContext()))
      if ('error' in outcome) {
        demandFailure('sealing', outcome, ['LIMIT_EXCEEDED', 'INVALID_ARGUMENT'])
        return
      }
      if (bench.opener !== undefined) demandSameBytes(await open(bench, outcome.value), outcome.value.bytes, 'opening')
    },
  },
  { name: 'leaves the context as it was', applies: 'always', run: leavesTheContext },
]

async function tellApart(bench: Bench, sealedUnder: KeyContext, openedUnder: KeyContext): Promise<void> {
  const sealed = await seal(bench, sealedUnder)
  const outcome = await outcomeOf(() => open(bench, { ...sealed, bound: openedUnder }))
  if (bench.provider.bindsContext) {
    demandFailure('opening under another context', outcome, ['AUTHENTICATION_FAILED'])
    return
  }
  if ('error' in outcome) {
    const { code } = demandKeyfoldError('opening under another context', outcome.error)
    demand(false, `opening under another context: failed with ${code}, though bindsContext is false`)
  } else demandSameBytes(outcome.value, sealed.bytes, 'opening under another context')
}

async function worksWith(bench: Bench, bound: KeyContext): Promise<void> {
  const sealed = await seal(bench, bound)
  demandSameBytes(await open(bench, sealed), sealed.bytes, 'opening')
}

async function leavesTheContext(bench: Bench): Promise<void> {
  const { provider } = bench
  const bound = usualContext()
  const unaltered = (after: string): void => {
    demandSameBytes(bound.contextBytes, usualContext().contextBytes, `contextBytes after ${after}`)
    const pairs = JSON.stringify(bound.context)
    demand(pairs === JSON.stringify(usualContext().context), `${after} altered the context's pairs`)
  }
  if (provider.wrapDataKey !== undefined) {
    await wrap(provider, randomBytes(32), bound)
    unaltered('wrapDataKey')
  }
  if (provider.generateDataKey !== undefined) {
    takeBytes((await generate(provider, 32, bound)).dataKey)
    unaltered('generateDataKey')
  }
  if (provider.unwrapDataKey === undefined || bench.sealer === undefined) return
  await open(bench, { ...(await seal(bench)), bound })
  unaltered('unwrapDataKey')
}
