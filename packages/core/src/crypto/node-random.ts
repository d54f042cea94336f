import { randomFillSync } from 'node:crypto'
import { startupSnapshot } from 'node:v8'
import { wipe } from '../secret-bytes.ts'

/** A dozen small messages' worth. */
const blockLength = 1024

const block = new Uint8Array(blockLength)
let used = blockLength

/**
 * A startup snapshot keeps the block: every process that starts from it would hand out the same bytes, and so the same
 * data keys and message ids. What is loaded into one never draws ahead.
 */
const drawsAhead = !startupSnapshot.isBuildingSnapshot()

/**
 * Random bytes, in memory of their own. A call into OpenSSL costs as much for a kilobyte as for twelve bytes, and a
 * message takes three, so they are drawn by the block; what was handed out is gone from it.
 *
 * A process that is copied while it runs (a virtual machine's snapshot) may repeat what is left of the block: SECURITY.md
 * says what follows.
 */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  if (!drawsAhead || length > blockLength / 4) return randomFillSync(bytes)
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
