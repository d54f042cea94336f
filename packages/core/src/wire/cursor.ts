import { KeyfoldError } from '../errors.ts'

/** Decodes strictly: ill-formed UTF-8 throws, and a byte order mark stays a character. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads big-endian fields one after another. No length that it reads is believed: a field longer than the bytes at hand
 * is an error, what it hands out are views on the message, and nothing is allocated by a number from the message.
 */
export class Cursor {
  readonly bytes: Uint8Array
  offset = 0
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

  uint8(field: string): number {
    return this.#uint(1, field)
  }

  uint16(field: string): number {
    return this.#uint(2, field)
  }

  uint32(field: string): number {
    return this.#uint(4, field)
  }

  /** An eight-byte length; one past 2^53 is past every limit as well. */
  uint64(field: string): number {
    return this.#uint(4, field) * 2 ** 32 + this.#uint(4, field)
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

  #uint(length: 1 | 2 | 4, field: string): number {
    const start = this.#advance(length, field)
    let value = 0
    for (let at = start; at < this.offset; at++) value = value * 256 + (this.bytes[at] ?? 0)
    return value
  }

  #advance(length: number, field: string): number {
    const start = this.offset
    const end = start + length
    if (end > this.#limit) {
      throw new KeyfoldError(
        'LIMIT_EXCEEDED',
        `${field} ends at byte ${end} of the header: at most ${this.#limit} are read`,
      )
    }
    if (end > this.bytes.length) {
      throw new KeyfoldError('MALFORMED_MESSAGE', `the message ends at byte ${this.bytes.length}, within ${field}`)
    }
    this.offset = end
    return start
  }
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
