import { KeyfoldError } from '../errors.ts'
import { type Cursor, writeUint } from './cursor.ts'

/**
 * Names and values that are authenticated with a message but not kept secret: they stand in its header in clear, and
 * reach the key service and its audit log.
 */
export type EncryptionContext = Readonly<Record<string, string>>

/** Keys with this prefix belong to the format. Source: structures.md, "Encryption Context" */
export const reservedPrefix = 'aws-crypto-'

/** The key under which a signed message carries the key that verifies it. */
export const publicKeyName = 'aws-crypto-public-key'

/** The count of pairs, every length and the whole serialization are two-byte numbers. */
const longest = 0xffff

const utf8 = new TextEncoder()

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
  const keys = Object.keys(context).sort(compareUtf8)
  if (keys.length === 0) return new Uint8Array(0)
  let bound = 2
  for (const key of keys) bound += 4 + 3 * (key.length + (context[key] ?? '').length)
  const target = new Uint8Array(bound)
  let offset = writeUint(target, 0, 2, keys.length)
  for (const key of keys) {
    offset = writeText(target, offset, key)
    offset = writeText(target, offset, context[key] ?? '')
  }
  if (offset > longest) {
    throw new KeyfoldError('LIMIT_EXCEEDED', `encryption context: ${offset} bytes serialized, at most ${longest}`)
  }
  return target.subarray(0, offset)
}

function writeText(target: Uint8Array, offset: number, text: string): number {
  const { written } = utf8.encodeInto(text, target.subarray(offset + 2))
  if (written > longest) {
    throw new KeyfoldError('LIMIT_EXCEEDED', `encryption context: a key or value of ${written} bytes, at most ${longest}`)
  }
  writeUint(target, offset, 2, written)
  return offset + 2 + written
}

/**
 * Reads the context of a header: its two-byte length, then as {@link formatContext} writes it. Pairs in another order are
 * read, for official vectors hold such; the header's bytes are authenticated as they stand.
 *
 * @returns an object without a prototype, so that no key is special
 * @throws KeyfoldError `MALFORMED_MESSAGE`
 */
export function parseContext(cursor: Cursor): EncryptionContext {
  const context: Record<string, string> = Object.create(null)
  const length = cursor.uint16('the encryption context')
  if (length === 0) return context
  const end = cursor.offset + length
  const count = cursor.uint16('the encryption context')
  if (count === 0) throw new KeyfoldError('MALFORMED_MESSAGE', 'an encryption context of no pairs that is not empty')
  for (let pair = 0; pair < count && cursor.offset < end; pair++) {
    const key = cursor.text16('an encryption context key')
    if (key === '__proto__') throw new KeyfoldError('MALFORMED_MESSAGE', 'the encryption context has a key __proto__')
    if (key in context) throw new KeyfoldError('MALFORMED_MESSAGE', 'the encryption context has a key twice')
    context[key] = cursor.text16('an encryption context value')
  }
  if (cursor.offset !== end || Object.keys(context).length !== count) {
    throw new KeyfoldError('MALFORMED_MESSAGE', `the encryption context's ${count} pairs do not fill its ${length} bytes`)
  }
  return context
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
