import { KeyfoldError } from '../errors.ts'
import type { KeyContext } from '../keys/key-provider.ts'
import { type EncryptionContext, formatContext, publicKeyName, reservedPrefix } from '../wire/context.ts'

/*
 * A message's context, from the caller's to the providers' and the header's and back. Three sets are told apart:
 * what the caller gave; what is bound (all of it, and a signed message's public key); and what the header shows (what is
 * bound less what is withheld).
 */

/** A caller's context, copied and checked. */
export interface CallerContext {
  /** Without a prototype, frozen. */
  readonly pairs: EncryptionContext
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

const nothing = new Uint8Array(0)
const noNames: ReadonlySet<string> = new Set()

/**
 * @param required names that must be among the pairs
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function checkContext(context: unknown, withheld: unknown, required: readonly string[]): CallerContext {
  const pairs = copyPairs(context ?? {})
  for (const name of required) {
    if (!(name in pairs)) throw invalid(`the context lacks ${JSON.stringify(name)}, which this envelope requires`)
  }
  return { pairs, withheld: withheld === undefined ? noNames : checkWithheld(withheld, pairs) }
}

function copyPairs(context: unknown): EncryptionContext {
  if (!isPlainObject(context)) throw invalid('context: expected a plain object of strings')
  const pairs: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(context)) {
    if (typeof value !== 'string') {
      throw invalid(`context: the value of ${JSON.stringify(name)} is ${value === null ? 'null' : typeof value}, not text`)
    }
    // __proto__ would vanish from the plain objects of whoever reads the context next.
    if (name === '__proto__') throw invalid('context: the name __proto__ is refused')
    if (name.startsWith(reservedPrefix)) {
      throw invalid(`context: the name ${JSON.stringify(name)} has the format's own prefix ${reservedPrefix}`)
    }
    if (!name.isWellFormed() || !value.isWellFormed()) {
      throw invalid('context: a name or value has a lone surrogate, and so no UTF-8')
    }
    pairs[name] = value
  }
  return Object.freeze(pairs)
}

/** A Map or a class's instance has its content elsewhere, and would pass as an empty context. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // The prototype of plain objects, of this realm or another, is the one that has none itself.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function checkWithheld(withheld: unknown, pairs: EncryptionContext): ReadonlySet<string> {
  if (!Array.isArray(withheld)) throw invalid('withheld: expected an array of names')
  for (const name of withheld) {
    if (typeof name !== 'string' || !(name in pairs)) {
      throw invalid(`withheld: ${JSON.stringify(name)} is not among the names of the context`)
    }
  }
  return new Set(withheld)
}

/**
 * The context of a message to seal.
 *
 * @param publicKey a signed message's, base64
 * @throws KeyfoldError `LIMIT_EXCEEDED` where it is too long for the format
 */
export function contextToSeal({ pairs, withheld }: CallerContext, publicKey: string | undefined): MessageContext {
  const context = publicKey === undefined ? pairs : withPairs(pairs, { [publicKeyName]: publicKey })
  const contextBytes = formatContext(context)
  const bound = { context, contextBytes }
  if (withheld.size === 0) return { bound, headerBytes: contextBytes, withheldBytes: nothing }
  const shown = select(context, (name) => !withheld.has(name))
  const hidden = select(context, (name) => withheld.has(name))
  return { bound, headerBytes: formatContext(shown), withheldBytes: formatContext(hidden) }
}

/**
 * The context of a message to open: what the header shows, with the caller's withheld pairs that it lacks.
 *
 * @param header the header's pairs, in whatever order they stand there
 * @throws KeyfoldError `CONTEXT_MISMATCH` where the header differs from what the caller expects
 */
export function contextToOpen(header: EncryptionContext, { pairs, withheld }: CallerContext): Omit<MessageContext, 'headerBytes'> {
  const hidden: Record<string, string> = Object.create(null)
  for (const name of Object.keys(pairs)) {
    const expected = pairs[name] ?? ''
    if (name in header) demandEqual(name, header[name], expected)
    else if (withheld.has(name)) hidden[name] = expected
    else throw mismatch(`the message has no ${JSON.stringify(name)} in its context`)
  }
  const isWhole = Object.keys(hidden).length === 0
  const context = isWhole ? Object.freeze(header) : withPairs(header, hidden)
  const bound = { context, contextBytes: formatContext(context) }
  return { bound, withheldBytes: isWhole ? nothing : formatContext(hidden) }
}

function demandEqual(name: string, found: string | undefined, expected: string): void {
  if (found !== expected) throw mismatch(`the message has another ${JSON.stringify(name)} in its context`)
}

function withPairs(context: EncryptionContext, more: EncryptionContext): EncryptionContext {
  return Object.freeze(Object.assign(Object.create(null), context, more))
}

function select(context: EncryptionContext, keep: (name: string) => boolean): EncryptionContext {
  const selected: Record<string, string> = Object.create(null)
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
