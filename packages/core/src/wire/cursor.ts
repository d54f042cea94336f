import { KeyfoldError } from '../errors.ts'
import { standsAt } from './bytes.ts'

/** Decodes strictly: ill-formed UTF-8 throws, and a byte order mark stays a character. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads big-endian fields one after another. No length that it reads is believed: a field longer than the bytes at hand
 * is an error, what it hands out are views on the message, and nothing is allocated by a number from the message.
 */
export class Cursor {
  readonly bytes: Uint8Array
  offset = 0
  /** How many bytes there must be for the field that was not all there; 0 while all were. */
  needed = 0
  readonly #limit: number

  /** @param limit how many bytes may be read at the most */
  constructor(bytes: Uint8Array, limit: number = Number.POSITIVE_INFINITY) {
    this.bytes = bytes
    this.#limit = limit
  }

  /** A view of the next `length` bytes. */
  take(length: number, field: string): Uint8Array {
    const start = this.#advance(length, field)
    return this.bytes.subarray(start, this.offset)
  }

  /** Moves on by `bytes` where they are what comes next, and says whether. */
  skip(bytes: Uint8Array): boolean {
    const end = this.offset + bytes.length
    if (end > this.#limit || !standsAt(this.bytes, this.offset, bytes)) return false
    this.offset = end
    return true
  }

  uint8(field: string): number {
    return this.bytes[this.#advance(1, field)] ?? 0
  }

  uint16(field: string): number {
    const at = this.#advance(2, field)
    return ((this.bytes[at] ?? 0) << 8) | (this.bytes[at + 1] ?? 0)
  }

  uint32(field: string): number {
    return readUint32(this.bytes, this.#advance(4, field))
  }

  /** An eight-byte length; one past 2^53 is past every limit as well. */
  uint64(field: string): number {
    return this.uint32(field) * 2 ** 32 + this.uint32(field)
  }

  /** Text behind a two-byte length, strictly UTF-8. */
  text16(field: string): string {
    const bytes = this.take(this.uint16(field), field)
    try {
      return utf8.decode(bytes)
    } catch {
      throw new KeyfoldError('MALFORMED_MESSAGE', `${field} is not well-formed UTF-8`)
    }
  }

  #advance(length: number, field: string): number {
    const start = this.offset
    const end = start + length
    if (end > this.#limit) {
      throw new KeyfoldError(
        'LIMIT_EXCEEDED',
        `${field} ends at byte ${end} of the header: at most ${this.#limit} are read (maxHeaderBytes)`,
      )
    }
    if (end > this.bytes.length) {
      this.needed = end
      throw new KeyfoldError('MALFORMED_MESSAGE', `the message ends at byte ${this.bytes.length}, within ${field}`)
    }
    this.offset = end
    return start
  }
}

/** Four bytes at `offset`, big-endian; those past the end count as zeros. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
  return high * 0x10000 + (((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0))
}

/** The number as big-endian bytes at `offset`; returns the offset behind them. */
export function writeUint(target: Uint8Array, offset: number, length: 1 | 2 | 4 | 8, value: number): number {
  if (length === 8) return writeUint(target, writeUint(target, offset, 4, value / 2 ** 32), 4, value % 2 ** 32)
  let rest = value
  for (let at = offset + length - 1; at >= offset; at--) {
    target[at] = rest // keeps the low eight bits
    rest >>>= 8
  }
  return offset + length
}

/** The bytes at `offset`; returns the offset behind them. */
export function writeBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  target.set(bytes, offset)
  return offset + bytes.length
}
