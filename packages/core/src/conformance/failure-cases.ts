import type { ErrorCode } from '../errors.ts'
import { demand, demandSameBytes, present } from './assert.ts'
import { type Bench, declares, open, type Sealed, seal, unhurried } from './bench.ts'
import { searchFor } from './leak.ts'
import { type Operation, operationsOf, operationsWith } from './operations.ts'
import { demandFailure, demandKeyfoldError, outcomeOf } from './outcome.ts'
import { provoke } from './provocation.ts'
import type { CaseRow } from './row.ts'
import type { FailureKind } from './subject.ts'

interface Expectation {
  readonly where: string
  readonly codes: readonly ErrorCode[]
  readonly retryable: boolean
}

/** No code stands in two rows: whoever branches on codes tells the failures apart. */
const expectations: Readonly<Record<FailureKind, Expectation>> = {
  denied: { where: 'access is denied', codes: ['ACCESS_DENIED'], retryable: false },
  unauthenticated: { where: 'the credentials are refused', codes: ['UNAUTHENTICATED'], retryable: false },
  missing: { where: 'the key is missing', codes: ['KEY_NOT_FOUND'], retryable: false },
  disabled: { where: 'the key is disabled', codes: ['KEY_DISABLED'], retryable: false },
  throttled: { where: 'there are too many calls', codes: ['THROTTLED'], retryable: true },
  unavailable: { where: 'the service is unavailable', codes: ['UNAVAILABLE', 'TIMEOUT'], retryable: true },
}

const failureKinds = Object.keys(expectations) as readonly FailureKind[] // the record's own keys

/** How a provider fails. */
export const failureCases: readonly CaseRow[] = [
  ...failureKinds.map(
    (kind): CaseRow => ({
      name: `fails with ${expectations[kind].codes.join(' or ')} where ${expectations[kind].where}`,
      applies: 'always',
      needs: kind,
      run: (bench) => failsAs(bench, kind),
    }),
  ),
  {
    name: 'answers with promises, and throws nothing at once',
    applies: 'always',
    async run(bench) {
      for (const operation of [...(await operationsOf(bench)), ...(await damagedOperations(bench))]) {
        await demandPromise(operation, unhurried().signal)
        await demandPromise(operation, AbortSignal.abort())
      }
    },
  },
  {
    name: 'fails with KeyfoldErrors of codes that there are',
    applies: 'always',
    async run(bench) {
      for (const { what, error } of (await provoke(bench)).failures) demandKeyfoldError(what, error)
    },
  },
  {
    name: 'shows no data key in an error',
    applies: 'always',
    async run(bench) {
      const { failures, dataKeys } = await provoke(bench)
      const searches = dataKeys.map(searchFor)
      for (const { what, error } of failures) {
        const place = searches.map((search) => search(error)).find((found) => found !== undefined)
        demand(place === undefined, `${what}: the error shows the data key in ${place}`)
      }
    },
  },
  {
    name: 'works on after failures',
    applies: 'round trip',
    async run(bench) {
      const before = await seal(bench)
      await provoke(bench)
      demandSameBytes(await open(bench, before), before.bytes, 'an earlier entry, opened after failures')
      const after = await seal(bench)
      demandSameBytes(await open(bench, after), after.bytes, 'an entry sealed and opened after failures')
    },
  },
]

async function failsAs(bench: Bench, kind: FailureKind): Promise<void> {
  const provider = present(await bench.subject.failures?.[kind]?.(), `failures.${kind}`)
  const sealed = bench.sealer === undefined ? undefined : await seal(bench)
  // describe may well answer: a disabled key has a state.
  const operations = operationsWith({ provider }, sealed).filter(({ name }) => name !== 'describe')
  demand(operations.length > 0, `failures.${kind}: it declares no call that could fail`)
  const { codes, retryable } = expectations[kind]
  for (const { name, call } of operations) {
    const error = demandFailure(name, await outcomeOf(() => call(unhurried())), codes)
    demand(error.retryable === retryable, `${name}: ${error.code} with retryable ${error.retryable}`)
  }
}

/** Unwrapping nothing: a parser that runs before the first await throws at once. */
async function damagedOperations(bench: Bench): Promise<readonly Operation[]> {
  const { provider } = bench
  if (!declares(provider, 'unwrapDataKey') || bench.sealer === undefined) return []
  const sealed = await seal(bench)
  const damaged: Sealed = { ...sealed, entry: { ...sealed.entry, ciphertext: new Uint8Array(0) } }
  return operationsWith(bench, damaged).filter(({ name }) => name === 'unwrapDataKey')
}

async function demandPromise({ name, call }: Operation, signal: AbortSignal): Promise<void> {
  let answer: { readonly then?: unknown } | null | undefined
  try {
    answer = call({ signal }) as typeof answer // whatever it is: it is looked at below
  } catch {
    throw new Error(`${name}: throws at once, expected a rejected promise`)
  }
  demand(typeof answer?.then === 'function', `${name}: answers without a promise`)
  await outcomeOf(() => answer)
}
