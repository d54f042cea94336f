import type { Envelope } from '@keyfold/core'
import { fileSource } from '@keyfold/core/node'

/** A part of a sealed file, and what it took to read it. */
export interface RangeRead {
  readonly start: number
  readonly plaintext: Uint8Array
  readonly reads: number
  readonly bytesRead: number
}

const partBytes = 64 * 1024

/** Reads a part from the middle of a sealed file. @param length in bytes, of its plaintext */
export async function readMiddle(
  envelope: Envelope,
  sealedPath: string,
  length: number,
  context: Readonly<Record<string, string>>,
): Promise<RangeRead> {
  const start = Math.max(0, Math.floor((length - partBytes) / 2))
  const end = Math.min(length, start + partBytes)
  let reads = 0
  let bytesRead = 0
  await using file = await fileSource(sealedPath)
  const counted = {
    size: file.size,
    read: (from: number, to: number, options: { readonly signal: AbortSignal }) => {
      reads += 1
      bytesRead += to - from
      return file.read(from, to, options)
    },
  }
  const plaintext = await envelope.decryptRange(counted, { start, end, context })
  return { start, plaintext, reads, bytesRead }
}
