import type { KeyContext } from '../keys/key-provider.ts'
import { type EncryptionContext, emptyContext, formatContext } from '../wire/context.ts'

/** A context as core hands it to a provider. */
export function keyContext(pairs: EncryptionContext): KeyContext {
  const context = Object.freeze(Object.assign(emptyContext(), pairs))
  return { context, contextBytes: formatContext(context) }
}

export function usualContext(): KeyContext {
  return keyContext({ purpose: 'conformance', tenant: 't-42' })
}

/** A context of about 4000 bytes: what every known service takes. */
export function largeContext(): KeyContext {
  const names = Array.from({ length: 64 }, (_, at) => `name-${String(at).padStart(3, '0')}`)
  return keyContext(Object.fromEntries(names.map((name) => [name, `${name} ${'v'.repeat(42)}`])))
}

/** A context that fills the format's 65535 bytes. */
export function largestContext(): KeyContext {
  const name = 'fill'
  return keyContext({ [name]: 'v'.repeat(0xffff - 2 - 2 - name.length - 2) })
}

/** Two contexts that must not pass for each other. */
export interface ContextPair {
  readonly what: string
  readonly sealed: EncryptionContext
  readonly opened: EncryptionContext
}

export const contextPairs: readonly ContextPair[] = [
  { what: 'a changed value', sealed: { a: 'b', c: 'd' }, opened: { a: 'b', c: 'e' } },
  { what: 'a changed name', sealed: { a: 'b', c: 'd' }, opened: { a: 'b', e: 'd' } },
  { what: 'an added pair', sealed: { a: 'b' }, opened: { a: 'b', c: 'd' } },
  { what: 'a first pair added', sealed: {}, opened: { a: 'b' } },
  { what: 'a removed pair', sealed: { a: 'b', c: 'd' }, opened: { a: 'b' } },
  { what: 'all pairs removed', sealed: { a: 'b' }, opened: {} },
  { what: 'name and value exchanged', sealed: { a: 'b' }, opened: { b: 'a' } },
  { what: 'the border of name and value moved', sealed: { a: 'bc' }, opened: { ab: 'c' } },
  { what: 'separators moved into a value', sealed: { a: 'b', c: 'd' }, opened: { a: 'b,c=d' } },
  { what: 'values exchanged', sealed: { a: 'b', c: 'd' }, opened: { a: 'd', c: 'b' } },
  { what: 'another case', sealed: { a: 'b' }, opened: { a: 'B' } },
  { what: 'another Unicode form', sealed: { 'ключ 😀': 'caf\u00e9' }, opened: { 'ключ 😀': 'cafe\u0301' } },
]
