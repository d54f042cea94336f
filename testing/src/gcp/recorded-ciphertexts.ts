/**
 * Stands in for the real service's ciphertexts, which only it can open: each is paired with what our server made of the same
 * request, and damage to a recorded one is done to its counterpart.
 */
export class RecordedCiphertexts {
  readonly #pairs: { readonly recorded: Buffer; readonly ours: Buffer }[] = []

  pair(recorded: string, ours: string): void {
    this.#pairs.push({ recorded: Buffer.from(recorded, 'base64'), ours: Buffer.from(ours, 'base64') })
  }

  /** The counterpart of a recorded ciphertext, whole or damaged; what resembles none of them stays as it is. */
  translate(recorded: string): string {
    const bytes = Buffer.from(recorded, 'base64')
    for (const pair of this.#pairs) {
      const before = commonPrefix(bytes, pair.recorded)
      const after = commonPrefix(reversed(bytes), reversed(pair.recorded))
      if (before === bytes.length && before === pair.recorded.length) return pair.ours.toString('base64')
      if (before + after < 40) continue // more than the same key's marks
      return damage(pair, bytes, before, after).toString('base64')
    }
    return recorded
  }
}

/** The same bytes cut out and put in, counted from the end that is nearer. */
function damage(
  { recorded, ours }: { readonly recorded: Buffer; readonly ours: Buffer },
  damaged: Buffer,
  before: number,
  after: number,
): Buffer {
  const kept = Math.min(after, Math.min(damaged.length, recorded.length) - before)
  const removed = recorded.length - before - kept
  const added = damaged.subarray(before, damaged.length - kept)
  const start = before <= kept ? before : ours.length - kept - removed
  return Buffer.concat([ours.subarray(0, start), added, ours.subarray(start + removed)])
}

function commonPrefix(one: Buffer, other: Buffer): number {
  const end = Math.min(one.length, other.length)
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return at
  return end
}

function reversed(bytes: Buffer): Buffer {
  return Buffer.from(bytes).reverse()
}
