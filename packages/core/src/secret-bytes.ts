import { KeyfoldError } from './errors.ts'

/**
 * Bytes that are wiped by their last user. References are counted: whoever shares the bytes calls {@link retain}, and
 * every holder disposes once; the last one zeroes the buffer, and any use after that throws. Without the count, an
 * eviction from a cache during somebody's `await` would leave that somebody to seal under zeros.
 *
 * Never shows its content: printing, serializing and inspecting give a placeholder. (`inspect` with `customInspect: false`,
 * `showHidden` and `getters` together calls `bytes`, as anybody may.)
 *
 * @example
 * ```ts
 * import { SecretBytes } from '@keyfold/core'
 *
 * const key = SecretBytes.from(crypto.getRandomValues(new Uint8Array(32)))
 * console.log(`${key}`, key.length) // [SecretBytes] 32
 * key[Symbol.dispose]() // zeroed
 * ```
 */
export class SecretBytes {
  static {
    // How Node's util.inspect and console.log ask.
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), { value: () => '[SecretBytes]' })
  }

  readonly #bytes: Uint8Array
  #references = 1

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /**
   * Takes ownership of `bytes`: the caller must neither use nor change the buffer afterwards.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT` for anything but a `Uint8Array`, and for one on shared memory
   */
  static from(bytes: Uint8Array): SecretBytes {
    if (bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer) return new SecretBytes(bytes)
    throw new KeyfoldError('INVALID_ARGUMENT', 'secret bytes: expected a Uint8Array that is not on shared memory')
  }

  /**
   * The live bytes, not a copy. Do not keep the view beyond your own reference.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT` after the last reference was released
   */
  get bytes(): Uint8Array {
    this.#demandAlive()
    return this.#bytes
  }

  /** Length in bytes; known even after the bytes are wiped. */
  get length(): number {
    return this.#bytes.length
  }

  /** Whether the last reference was released and the bytes are zeros. */
  get released(): boolean {
    return this.#references === 0
  }

  /**
   * Adds a reference, to be disposed of once more.
   *
   * @returns this object
   * @throws KeyfoldError `INVALID_ARGUMENT` after the last reference was released
   */
  retain(): this {
    this.#demandAlive()
    this.#references += 1
    return this
  }

  /** Releases one reference; the last one zeroes the bytes. More calls do nothing. */
  [Symbol.dispose](): void {
    if (this.#references === 0) return
    this.#references -= 1
    if (this.#references === 0) wipe(this.#bytes)
  }

  toString(): string {
    return '[SecretBytes]'
  }

  toJSON(): string {
    return '[SecretBytes]'
  }

  #demandAlive(): void {
    if (this.#references === 0) throw new KeyfoldError('INVALID_ARGUMENT', 'secret bytes used after their last release')
  }
}

/** Zeroes bytes. A Buffer's own `fill` takes any pattern, and longer. */
export function wipe(bytes: Uint8Array): void {
  Uint8Array.prototype.fill.call(bytes, 0)
}
