/*
 * Doubles for the tests of keys: providers made of the methods that a test gives, and a canary: key bytes that must not show
 * in anything that an error tells.
 */
import { inspect } from 'node:util'
import type { KeyfoldEvent } from '../observe.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import type { KeyContext, KeyProvider } from './key-provider.ts'
import type { CallConditions } from './provider-call.ts'

export interface Watched extends CallConditions {
  readonly clock: FakeClock
  readonly events: readonly KeyfoldEvent[]
}

/** Conditions under which every event is kept. */
export function watched(signal?: AbortSignal, callTimeoutMs = 10_000): Watched {
  const events: KeyfoldEvent[] = []
  return {
    signal,
    callTimeoutMs,
    clock: fakeClock({ monotonic: 1000 }),
    observe: (event) => void events.push(event),
    events,
  }
}

/** A context and its serialization, as providers are given them. */
export const bound: KeyContext = { context: { a: 'b' }, contextBytes: Buffer.from('0001000161000162', 'hex') }

export type Methods = Partial<Omit<KeyProvider, 'name' | 'providerId'>>

/** A provider that has these methods and no others, and accepts the entries with its name as their provider id. */
export function providerOf(name: string, methods: Methods): KeyProvider {
  const accepts = (entry: EncryptedDataKey): boolean => entry.providerId === name
  return { name, providerId: name, bindsContext: false, authenticatesWriter: true, accepts, ...methods }
}

const turnOver = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff)

/** An entry of `providerOf(name, …)`: no cryptography, every byte turned over. */
export function entryOf(name: string, dataKey: Uint8Array): EncryptedDataKey {
  return { providerId: name, providerInfo: new TextEncoder().encode(name), ciphertext: turnOver(dataKey) }
}

export function wraps(name: string): Required<Pick<KeyProvider, 'wrapDataKey'>> {
  return { wrapDataKey: async ({ dataKey }) => entryOf(name, dataKey.bytes) }
}

export function unwraps(): Required<Pick<KeyProvider, 'unwrapDataKey'>> {
  return { unwrapDataKey: async ({ entry }) => SecretBytes.from(turnOver(entry.ciphertext)) }
}

const canaryText = 'q7Zrx0Wn5tLb9dKe2mVh8sPf4gYc6jAu'

/** Key bytes to look for afterwards. */
export function canary(length = 32): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canaryText.slice(0, length))
}

/** In which of its writings the canary shows in an error, however deep; empty is well. */
export function canaryIn(error: unknown): readonly string[] {
  const everything = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: null, maxStringLength: null }
  const told = [inspect(error, everything), stringify(error), error instanceof Error ? (error.stack ?? '') : ''].join(
    '\n',
  )
  const text = told.replaceAll(/\s/g, '').toLowerCase()
  const start = Buffer.from(canaryText.slice(0, 6))
  const writings = {
    text: start.toString(),
    hex: start.toString('hex'),
    base64: start.toString('base64'),
    numbers: [...start].join(','),
    properties: [...start].map((byte, at) => `"${at}":${byte}`).join(','),
  }
  return Object.entries(writings).flatMap(([name, writing]) => (text.includes(writing.toLowerCase()) ? [name] : []))
}

/** As JSON, with what an Error hides from it. */
function stringify(error: unknown): string {
  const seen = new Set<object>()
  return JSON.stringify(error, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return 'again'
    seen.add(value)
    if (!(value instanceof Error)) return value
    const hidden = { name: value.name, message: value.message, stack: value.stack, cause: value.cause }
    return { ...hidden, ...value }
  })
}
