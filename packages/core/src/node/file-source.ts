import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { KeyfoldError } from '../errors.ts'
import type { RangeSource } from '../message/range-source.ts'
import { codeOfSystemError, systemCode } from '../system-error.ts'

/** A file that is open for reading. Disposing of it waits for its reads. */
export interface FileSource extends RangeSource, AsyncDisposable {}

/**
 * A file as what `openRange` and `decryptRange` read from. It stays open, the same file even where another takes its name,
 * until it is disposed of.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` where there is no such file or it is no regular one, `ACCESS_DENIED`,
 *   `UNAVAILABLE`, `UNKNOWN`
 *
 * @example
 * ```ts
 * import { mkdtemp, rm, writeFile } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { createEnvelope, rawAes } from '@keyfold/core'
 * import { fileSource } from '@keyfold/core/node'
 *
 * const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
 * const envelope = createEnvelope({ keys })
 * const folder = await mkdtemp(join(tmpdir(), 'keyfold-'))
 * const path = join(folder, 'orders.sealed')
 * await writeFile(path, await envelope.encrypt(new TextEncoder().encode('Hello, Keyfold')))
 * {
 *   await using source = await fileSource(path)
 *   const part = await envelope.decryptRange(source, { start: 7, end: 14 })
 *   console.log(new TextDecoder().decode(part)) // Keyfold
 * }
 * await rm(folder, { recursive: true })
 * ```
 */
export async function fileSource(path: string): Promise<FileSource> {
  // Without blocking: opening a named pipe would wait for its writer.
  const file = await attempt(path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK))
  try {
    const stats = await attempt(path, () => file.stat())
    if (!stats.isFile()) throw new KeyfoldError('INVALID_ARGUMENT', `${path}: it is no regular file`)
    return {
      size: stats.size,
      read: (start, end) => attempt(path, () => readFully(file, start, end)),
      [Symbol.asyncDispose]: () => attempt(path, () => file.close()),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** @returns fewer bytes only where the file ends before `end` */
async function readFully(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  for (let length = 0; length < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, length, Math.min(mostAtOnce, bytes.length - length), start + length)
    if (bytesRead === 0) return bytes.subarray(0, length)
    length += bytesRead
  }
  return bytes
}

/** Node takes a signed 32-bit length, and ends the process where there are more bits. */
const mostAtOnce = 2 ** 30

async function attempt<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const reason = systemCode(error) ?? 'an unknown error'
    throw new KeyfoldError(codeOfSystemError(error), `${String(path)}: it cannot be read (${reason})`, { cause: error })
  }
}
