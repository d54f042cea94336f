import { KeyfoldError } from '../errors.ts'
import type { KeyContext } from '../keys/key-provider.ts'
import {
  type EncryptionContext,
  emptyContext,
  formatContext,
  publicKeyName,
  reservedPrefix,
  type SerializedContext,
  withoutReserved,
} from '../wire/context.ts'

/*
 * A message's context, from the caller's to the providers' and the header's and back. Three sets are told apart:
 * what the caller gave; what is bound (all of it, and a signed message's public key); and what the header shows (what is
 * bound less what is withheld).
 */

/** A caller's context, copied and checked. */
export interface CallerContext extends SerializedContext {
  /** Names of pairs that are, or may be, absent from the header. */
  readonly withheld: ReadonlySet<string>
}

/** A message's context on its way into the message, or out of it. */
export interface MessageContext {
  /** What the data key is bound to. */
  readonly bound: KeyContext
  /** What stands in the header, serialized. */
  readonly headerBytes: Uint8Array
  /** What is authenticated behind the header without standing in it, serialized. */
  readonly withheldBytes: Uint8Array
}

/** A context on its way out of a message. */
export interface OpenedContext extends Omit<MessageContext, 'headerBytes'> {
  /** What the caller is given: all that is bound but the format's own pairs. */
  readonly shown: EncryptionContext
}

/**
 * The contexts of one envelope's callers. The last one is kept, for they repeat: a context that has the same names and
 * values in the same order is neither checked nor serialized again.
 */
export class CallerContexts {
  readonly #required: readonly string[]
  #last: KnownContext = noContext

  /** @param required names that every context must have */
  constructor(required: readonly string[]) {
    this.#required = required
  }

  /**
   * Copies and checks what a caller gave: later changes to it do not matter.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT`, `LIMIT_EXCEEDED` where it is too long for the format
   */
  check(context: unknown, withheld: unknown): CallerContext {
    const known = context === undefined ? noContext : this.#copy(context)
    for (const name of this.#required) {
      if (!(name in known.pairs))
        throw invalid(`the context lacks ${JSON.stringify(name)}, which this envelope requires`)
    }
    const { pairs, bytes } = known
    return { pairs, bytes, withheld: withheld === undefined ? noNames : checkWithheld(withheld, pairs) }
  }

  #copy(context: unknown): KnownContext {
    if (!isPlainObject(context)) throw invalid('context: expected a plain object of strings')
    const names = Object.keys(context)
    const values: unknown[] = []
    for (const name of names) values.push(context[name]) // once: what is checked is what is bound
    if (!isSame(names, this.#last.names) || !isSame(values, this.#last.values)) this.#last = know(names, values)
    return this.#last
  }
}

/** A caller's context, with its names and values as they were given. */
interface KnownContext extends SerializedContext {
  readonly names: readonly string[]
  readonly values: readonly string[]
}

const nothing = new Uint8Array(0)
const noNames: ReadonlySet<string> = new Set()
const noContext: KnownContext = { names: [], values: [], pairs: Object.freeze(emptyContext()), bytes: nothing }

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return false
  }
  return true
}

function know(names: readonly string[], values: readonly unknown[]): KnownContext {
  const pairs = emptyContext()
  const texts = values.map((value, at) => {
    const name = names[at] ?? ''
    demandPair(name, value)
    pairs[name] = value
    return value
  })
  return { names, values: texts, pairs: Object.freeze(pairs), bytes: formatContext(pairs) }
}

function demandPair(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') {
    throw invalid(
      `context: the value of ${JSON.stringify(name)} is ${value === null ? 'null' : typeof value}, not text`,
    )
  }
  demandName('context', name)
  if (!value.isWellFormed()) throw invalid(`context: the value of ${JSON.stringify(name)} has ${noUtf8}`)
}

/** @throws KeyfoldError `INVALID_ARGUMENT` for a name that no context may have */
export function demandName(what: string, name: string): void {
  // __proto__ would vanish from the plain objects of whoever reads the context next.
  if (name === '__proto__') throw invalid(`${what}: the name __proto__ is refused`)
  if (name.startsWith(reservedPrefix)) {
    throw invalid(`${what}: the name ${JSON.stringify(name)} has the format's own prefix ${reservedPrefix}`)
  }
  if (!name.isWellFormed()) throw invalid(`${what}: the name ${JSON.stringify(name)} has ${noUtf8}`)
}

const noUtf8 = 'a lone surrogate, and so no UTF-8'

/** A Map or a class's instance has its content elsewhere, and would pass as an empty context. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // The prototype of plain objects, of this realm or another, is the one that has none itself.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function checkWithheld(withheld: unknown, pairs: EncryptionContext): ReadonlySet<string> {
  demandNames(withheld)
  for (const name of withheld) {
    if (!(name in pairs)) throw invalid(`withheld: ${JSON.stringify(name)} is not among the names of the context`)
  }
  return new Set(withheld)
}

/** @throws KeyfoldError `INVALID_ARGUMENT` for what names nothing in any context */
export function demandNames(withheld: unknown): asserts withheld is readonly string[] {
  if (Array.isArray(withheld) && withheld.every((name) => typeof name === 'string')) return
  throw invalid('withheld: expected an array of names')
}

/**
 * What the data key of a message to seal is bound to.
 *
 * @param publicKey a signed message's, base64
 * @throws KeyfoldError `LIMIT_EXCEEDED` where it is too long for the format
 */
export function contextToBind({ pairs, bytes }: CallerContext, publicKey: string | undefined): KeyContext {
  if (publicKey === undefined) return { context: pairs, contextBytes: bytes }
  const context = withPairs(pairs, { [publicKeyName]: publicKey })
  return { context, contextBytes: formatContext(context) }
}

/** What is bound, in the header but for what the caller withholds. */
export function contextToSeal(bound: KeyContext, { withheld }: CallerContext): MessageContext {
  const { context, contextBytes } = bound
  if (withheld.size === 0) return { bound, headerBytes: contextBytes, withheldBytes: nothing }
  const shown = select(context, (name) => !withheld.has(name))
  const hidden = select(context, (name) => withheld.has(name))
  return { bound, headerBytes: formatContext(shown), withheldBytes: formatContext(hidden) }
}

/** What the header holds where it holds the caller's pairs and no others: most messages, which are then read faster. */
export function expectedContext(caller: CallerContext): SerializedContext | undefined {
  return caller.withheld.size === 0 ? caller : undefined
}

/**
 * The context of a message to open: what the header shows, with the caller's withheld pairs that it lacks.
 *
 * @throws KeyfoldError `CONTEXT_MISMATCH` where the header differs from what the caller expects
 */
export function contextToOpen(header: SerializedContext, { pairs, withheld }: CallerContext): OpenedContext {
  const bound = { context: header.pairs, contextBytes: header.bytes }
  if (header.pairs === pairs) return { bound, withheldBytes: nothing, shown: pairs }
  const hidden = emptyContext()
  for (const name of Object.keys(pairs)) {
    const expected = pairs[name] ?? ''
    if (name in header.pairs) demandEqual(name, header.pairs[name], expected)
    else if (withheld.has(name)) hidden[name] = expected
    else throw mismatch(`the message has no ${JSON.stringify(name)} in its context`)
  }
  if (Object.keys(hidden).length === 0) return { bound, withheldBytes: nothing, shown: withoutReserved(header.pairs) }
  const context = withPairs(header.pairs, hidden)
  const withheldBytes = formatContext(hidden)
  return { bound: { context, contextBytes: formatContext(context) }, withheldBytes, shown: withoutReserved(context) }
}

function demandEqual(name: string, found: string | undefined, expected: string): void {
  if (found !== expected) throw mismatch(`the message has another ${JSON.stringify(name)} in its context`)
}

function withPairs(context: EncryptionContext, more: EncryptionContext): EncryptionContext {
  return Object.freeze(Object.assign(emptyContext(), context, more))
}

function select(context: EncryptionContext, keep: (name: string) => boolean): EncryptionContext {
  const selected = emptyContext()
  for (const name of Object.keys(context)) {
    if (keep(name)) selected[name] = context[name] ?? ''
  }
  return selected
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}

function mismatch(message: string): KeyfoldError {
  return new KeyfoldError('CONTEXT_MISMATCH', message)
}
