import { KeyfoldError } from '../errors.ts'
import { Cursor, writeUint } from './cursor.ts'
import { utf8Length, writeText16 } from './text.ts'

/**
 * Names and values that are authenticated with a message but not kept secret: they stand in its header in clear. AWS KMS is
 * given them, and logs them; other services get their SHA-256 or nothing.
 */
export type EncryptionContext = Readonly<Record<string, string>>

/** Keys with this prefix belong to the format. Source: structures.md, "Encryption Context" */
export const reservedPrefix = 'aws-crypto-'

/** The key under which a signed message carries the key that verifies it. */
export const publicKeyName = 'aws-crypto-public-key'

/**
 * A context to fill: without a prototype, so that no name in it is special. A literal, since an object that is created
 * from null is slow in V8.
 */
export function emptyContext(): Record<string, string> {
  return { __proto__: null } as never // the literal's only member is its prototype
}

/** The count of pairs, every length and the whole serialization are two-byte numbers. */
const longest = 0xffff

/**
 * The format's serialization of a context, without the length in front of it:
 *
 *     0  2  count of pairs
 *     2  …  the pairs, sorted by the key's UTF-8 bytes:  2 key length · key · 2 value length · value
 *
 * An empty context is no bytes at all, not a count of zero. Source: structures.md, "Serialization"
 *
 * @throws KeyfoldError `LIMIT_EXCEEDED` where a part or the whole is longer than 65535 bytes
 */
export function formatContext(context: EncryptionContext): Uint8Array {
  const names = Object.keys(context).sort(compareUtf8)
  if (names.length === 0) return new Uint8Array(0)
  let length = 2
  for (const name of names) length += 4 + utf8Length(name) + utf8Length(context[name] ?? '')
  if (length > longest) {
    throw new KeyfoldError('LIMIT_EXCEEDED', `encryption context: ${length} bytes serialized, at most ${longest}`)
  }
  const target = new Uint8Array(length)
  let offset = writeUint(target, 0, 2, names.length)
  for (const name of names) {
    offset = writeText16(target, offset, name)
    offset = writeText16(target, offset, context[name] ?? '')
  }
  return target
}

/** A context beside its serialization. */
export interface SerializedContext {
  /** Without a prototype, frozen. */
  readonly pairs: EncryptionContext
  /** As {@link formatContext} gives it. */
  readonly bytes: Uint8Array
}

/**
 * Reads the context of a header: its two-byte length, then as {@link formatContext} writes it. Pairs in another order are
 * read, for official vectors hold such; the header's bytes are authenticated as they stand.
 *
 * @param expected what the caller knows the context to be: where the bytes are the same, so are the pairs, and decoding
 *   them (the dearest part of a small message's header) is spared
 * @throws KeyfoldError `MALFORMED_MESSAGE`
 */
export function parseContext(cursor: Cursor, expected?: SerializedContext): SerializedContext {
  const length = cursor.uint16('the encryption context')
  if (length === expected?.bytes.length && cursor.skip(expected.bytes)) return expected
  const bytes = cursor.take(length, 'the encryption context')
  const { pairs, sorted } = parsePairs(new Cursor(bytes))
  return { pairs, bytes: sorted ? bytes : formatContext(pairs) }
}

function parsePairs(cursor: Cursor): { readonly pairs: EncryptionContext; readonly sorted: boolean } {
  const pairs = emptyContext()
  if (cursor.bytes.length === 0) return { pairs: Object.freeze(pairs), sorted: true }
  const count = cursor.uint16('the encryption context')
  if (count === 0) throw new KeyfoldError('MALFORMED_MESSAGE', 'an encryption context of no pairs that is not empty')
  let sorted = true
  let previous = ''
  for (let pair = 0; pair < count; pair++) {
    const key = cursor.text16('an encryption context key')
    if (key === '__proto__') throw new KeyfoldError('MALFORMED_MESSAGE', 'the encryption context has a key __proto__')
    if (key in pairs) throw new KeyfoldError('MALFORMED_MESSAGE', 'the encryption context has a key twice')
    pairs[key] = cursor.text16('an encryption context value')
    sorted &&= compareUtf8(previous, key) <= 0 // not by the object's order, which puts numbers first
    previous = key
  }
  if (cursor.offset !== cursor.bytes.length) {
    throw new KeyfoldError('MALFORMED_MESSAGE', `the encryption context goes on after its ${count} pairs`)
  }
  return { pairs: Object.freeze(pairs), sorted }
}

/**
 * Compares text by its UTF-8 bytes, which is by code point. JavaScript's own order, by UTF-16 unit, puts what lies beyond
 * the basic plane (surrogates, D800 to DFFF) before E000 to FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) {
    const unitA = a.charCodeAt(at)
    const unitB = b.charCodeAt(at)
    if (unitA !== unitB) return rank(unitA) - rank(unitB)
  }
  return a.length - b.length
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** The pairs of a frozen context that are not the format's own: the context itself where it has no others. */
export function withoutReserved(context: EncryptionContext): EncryptionContext {
  if (!hasReserved(context)) return context
  const own = emptyContext()
  for (const key of Object.keys(context)) {
    if (!key.startsWith(reservedPrefix)) own[key] = context[key] ?? ''
  }
  return Object.freeze(own)
}

function hasReserved(context: EncryptionContext): boolean {
  for (const key in context) {
    if (key.startsWith(reservedPrefix)) return true
  }
  return false
}
