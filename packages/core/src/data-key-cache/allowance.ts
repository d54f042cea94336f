/**
 * How much may still be sealed under one data key. What a message needs is reserved before it is given the key and never
 * given back, so that the limits hold however many messages are under way, and whatever becomes of them.
 */
export class Allowance {
  #messages: number
  #bytes: number

  constructor({ maxMessages, maxBytes }: { readonly maxMessages: number; readonly maxBytes: number }) {
    this.#messages = maxMessages
    this.#bytes = maxBytes
  }

  /** @returns whether the message fits, and is now counted */
  reserve(bytes: number): boolean {
    if (this.#messages === 0 || bytes > this.#bytes) return false
    this.#messages -= 1
    this.#bytes -= bytes
    return true
  }

  /** Whether no further message fits, however short. */
  get spent(): boolean {
    return this.#messages === 0
  }
}
