/*
 * A provider that bears everything out, with every method that there is: what the broken ones are made of. And how a case
 * is run on a provider, with the time of timers moved by hand.
 */
import { expect, vi } from 'vitest'
import { type ErrorCode, KeyfoldError } from '../errors.ts'
import type { CallOptions, KeyProvider } from '../keys/key-provider.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { randomBytes } from './bench.ts'
import { keyProviderCases } from './cases.ts'
import type { FailureKind, KeyProviderSubject } from './subject.ts'

export type Sound = Required<KeyProvider>

/** A service's key, as an adapter shows it. */
export function soundKey(name: string): Sound {
  const raw = rawAes({ namespace: 'service', name, key: randomBytes(32) })
  const { wrapDataKey, unwrapDataKey } = raw
  if (wrapDataKey === undefined || unwrapDataKey === undefined) throw new Error('a raw AES key seals and opens')
  return {
    ...raw,
    wrapDataKey,
    unwrapDataKey,
    async generateDataKey({ length, context, contextBytes }, options) {
      const dataKey = SecretBytes.from(randomBytes(length))
      return { dataKey, entry: await wrapDataKey({ dataKey, context, contextBytes }, options) }
    },
    async describe({ signal }) {
      if (signal.aborted) throw new KeyfoldError('ABORTED', 'given up')
      return { state: 'enabled', version: '1', rotation: 'on' }
    },
    close: async () => undefined,
  }
}

/** The code that stands for each kind of failure. */
export const codeOfKind: Readonly<Record<FailureKind, ErrorCode>> = {
  denied: 'ACCESS_DENIED',
  unauthenticated: 'UNAUTHENTICATED',
  missing: 'KEY_NOT_FOUND',
  disabled: 'KEY_DISABLED',
  throttled: 'THROTTLED',
  unavailable: 'UNAVAILABLE',
}

/** A key whose every call fails so. */
export function failingKey(error: () => unknown): KeyProvider {
  const fail = async (_: unknown, { signal }: CallOptions): Promise<never> => {
    throw signal.aborted ? new KeyfoldError('ABORTED', 'given up') : error()
  }
  return { ...soundKey('failing'), generateDataKey: fail, wrapDataKey: fail, unwrapDataKey: fail }
}

/** A key whose service never answers. */
export function stalledKey(): KeyProvider {
  const stall = async (_: unknown, { signal }: CallOptions): Promise<never> => {
    const aborted = () => new KeyfoldError('ABORTED', 'given up')
    if (signal.aborted) throw aborted()
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(aborted())))
  }
  return { ...soundKey('stalled'), generateDataKey: stall, wrapDataKey: stall, unwrapDataKey: stall }
}

export function failures(
  codes: Readonly<Record<FailureKind, ErrorCode>> = codeOfKind,
): NonNullable<KeyProviderSubject['failures']> {
  const rows = Object.entries(codes).map(([kind, code]) => [
    kind,
    () => failingKey(() => new KeyfoldError(code, 'refused')),
  ])
  return Object.fromEntries(rows)
}

/** What a broken provider has in place of the sound one's: anything. */
export type Breakage = { readonly [Member in keyof KeyProvider]?: unknown }

/** A subject whose providers are broken so; each made anew for every case, on keys that stay. */
export function subjectOf(breakage: (sound: Sound) => Breakage = () => ({})): KeyProviderSubject {
  const [mine, other] = [soundKey('mine'), soundKey('other')]
  const broken = (sound: Sound) => ({ ...sound, ...breakage(sound) }) as KeyProvider // broken on purpose
  return {
    provider: () => broken(mine),
    other: () => broken(other),
    expects: { bindsContext: true, authenticatesWriter: true },
    stalled: stalledKey,
    failures: failures(),
  }
}

/** What a case says of a subject; undefined where it passes. Timers fire as soon as nothing else goes on. */
export async function verdict(subject: KeyProviderSubject, name: string): Promise<string | undefined> {
  const found = keyProviderCases(subject).find((one) => one.name === name)
  expect(found?.skip, `${name}: skipped, or there is no such case`).toBeUndefined()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    let ended = false
    const ending = (async () => {
      if (found === undefined) throw new Error(`there is no case ${name}`)
      await found.run()
    })()
      .then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : 'no error'),
      )
      .finally(() => {
        ended = true
      })
    while (!ended) await vi.advanceTimersByTimeAsync(100)
    return await ending
  } finally {
    vi.useRealTimers()
  }
}

/** A broken provider, and which case is meant for it. */
export interface BrokenRow {
  readonly what: string
  readonly caughtBy: string
  readonly subject: () => KeyProviderSubject
}

export const row = (what: string, caughtBy: string, breakage: (sound: Sound) => Breakage): BrokenRow => ({
  what,
  caughtBy,
  subject: () => subjectOf(breakage),
})
