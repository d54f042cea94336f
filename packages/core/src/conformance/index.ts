/**
 * What every `KeyProvider` must bear out, as data: cases with a name and a `run` that throws, for any test runner. With
 * vitest, node:test or another, `for (const { name, run } of keyProviderCases(subject)) test(name, run)` is the whole use.
 *
 * @example
 * ```ts
 * import { rawAes } from '@keyfold/core'
 * import { keyProviderCases } from '@keyfold/core/conformance'
 *
 * const keyOf = (name: string) => {
 *   const key = crypto.getRandomValues(new Uint8Array(32))
 *   return rawAes({ namespace: 'example', name, key })
 * }
 * const [mine, other] = [keyOf('mine'), keyOf('other')]
 * const expects = { bindsContext: true, capabilities: ['wrapDataKey', 'unwrapDataKey'] } as const
 * const cases = keyProviderCases({ provider: () => mine, other: () => other, expects })
 * for (const { run } of cases) await run() // a case that fails throws
 * console.log(cases.filter(({ skip }) => skip !== undefined).map(({ skip }) => skip)[0])
 * // the subject has no stalled()
 * ```
 *
 * @module
 */
export { keyProviderCases } from './cases.ts'
export type {
  Capability,
  ConformanceCase,
  FailureKind,
  KeyProviderExpectations,
  KeyProviderSubject,
  ProviderFactory,
} from './subject.ts'
