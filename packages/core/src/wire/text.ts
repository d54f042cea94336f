import { writeUint } from './cursor.ts'

/*
 * Text as UTF-8 behind a two-byte length. Most text of a message is short and plain, and a message has a dozen pieces of
 * it: characters copied here cost a fifth of a call to the encoder.
 */

const utf8 = new TextEncoder()

/** Length in bytes of well-formed text. */
export function utf8Length(text: string): number {
  return isAscii(text) ? text.length : utf8.encode(text).length
}

/** 2 length · text; returns the offset behind it. The caller made room for `utf8Length` bytes, at most 65535. */
export function writeText16(target: Uint8Array, offset: number, text: string): number {
  const start = offset + 2
  const length = isAscii(text) ? writeAscii(target, start, text) : utf8.encodeInto(text, target.subarray(start)).written
  writeUint(target, offset, 2, length)
  return start + length
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) return false
  }
  return true
}

function writeAscii(target: Uint8Array, offset: number, text: string): number {
  for (let at = 0; at < text.length; at++) target[offset + at] = text.charCodeAt(at)
  return text.length
}
