import { randomFillSync } from 'node:crypto'
import { wipe } from '../secret-bytes.ts'

/** A dozen small messages' worth. */
const blockLength = 1024

const block = new Uint8Array(blockLength)
let used = blockLength

/**
 * Random bytes, in memory of their own. A call into OpenSSL costs as much for a kilobyte as for twelve bytes, and a
 * message takes three, so they are drawn by the block; what was handed out is gone from it.
 *
 * A process that is copied while it runs (a virtual machine's snapshot) repeats what is left of the block, as it repeats
 * OpenSSL's own generator: SECURITY.md says what follows.
 */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  if (length > blockLength / 4) return randomFillSync(bytes)
  if (used + length > blockLength) {
    randomFillSync(block)
    used = 0
  }
  const drawn = block.subarray(used, used + length)
  bytes.set(drawn)
  wipe(drawn)
  used += length
  return bytes
}
