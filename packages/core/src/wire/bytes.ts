import { KeyfoldError } from '../errors.ts'

/**
 * Bytes as a caller gave them, as a plain view: a Buffer's `slice` shares memory where a Uint8Array's copies.
 *
 * @param what names the argument in the error
 * @throws KeyfoldError `INVALID_ARGUMENT` for anything but a Uint8Array, for shared memory (which another thread may
 *   change between a check and a use), and for a buffer that was transferred away (which reads as empty)
 */
export function demandBytes(value: unknown, what: string): Uint8Array<ArrayBuffer> {
  if (!isUint8Array(value)) {
    const got = typeof value === 'string' ? 'text (is it base64? decode it first)' : describe(value)
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: expected a Uint8Array, got ${got}`)
  }
  const { buffer } = value
  if (!isUnshared(buffer)) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: a view on shared memory; copy it first`)
  }
  if (buffer.detached) throw new KeyfoldError('INVALID_ARGUMENT', `${what}: its buffer was transferred away`)
  return new Uint8Array(buffer, value.byteOffset, value.length)
}

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype)
const nameOfTypedArray = Object.getOwnPropertyDescriptor(typedArray, Symbol.toStringTag)?.get

/** By what it is: one of another realm is one, and no proxy or object that has but the prototype. */
function isUint8Array(value: unknown): value is Uint8Array {
  return nameOfTypedArray?.call(value) === 'Uint8Array'
}

const lengthOfUnshared = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get

/** By what it is, too: the length that only an unshared buffer has. */
function isUnshared(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  try {
    lengthOfUnshared?.call(buffer)
    return true
  } catch {
    return false
  }
}

/**
 * Once more after a wait, in which a caller may have done with the buffer what it likes: a view whose buffer was transferred
 * away or shrunk reads as empty, and an empty message would be made of it.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function demandUnmoved(bytes: Uint8Array<ArrayBuffer>, length: number, what: string): void {
  if (bytes.length !== length || bytes.buffer.detached) throw movedAway(what)
}

export function movedAway(what: string): KeyfoldError {
  const message = `${what}: its buffer was transferred away or shrunk before the call was done`
  return new KeyfoldError('INVALID_ARGUMENT', message)
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  return value instanceof Uint8Array ? 'a proxy or an imitation of one' : (value.constructor?.name ?? 'an object')
}

/** Length in bytes of all the pieces. */
export function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0
  for (const piece of pieces) length += piece.length
  return length
}

/** One array of all the pieces, in order. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(lengthOf(pieces))
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}

/** Whether two byte strings are equal. Not for secrets: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && standsAt(a, 0, b)
}

/** Whether `part` stands at an offset. Not for secrets, as {@link equalBytes}. */
export function standsAt(bytes: Uint8Array, offset: number, part: Uint8Array): boolean {
  if (bytes.length - offset < part.length) return false
  for (let at = 0; at < part.length; at++) {
    if (bytes[offset + at] !== part[at]) return false
  }
  return true
}

/** Whether two byte strings are equal; takes as long whether the first or the last byte differs. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0)
  return difference === 0
}

/** Base64 with padding, as the format writes a public key into a context. */
export function formatBase64(bytes: Uint8Array): string {
  let characters = ''
  for (const byte of bytes) characters += String.fromCharCode(byte)
  return btoa(characters)
}

/** @returns undefined where the text is not canonical base64 */
export function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const characters = decode(text)
  if (characters === undefined || btoa(characters) !== text) return undefined
  const bytes = new Uint8Array(characters.length)
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at)
  return bytes
}

function decode(text: string): string | undefined {
  try {
    return atob(text)
  } catch {
    return undefined
  }
}
