import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { KeyfoldError } from '@keyfold/core'
import { fileFailure } from './failure.ts'
import type { Surroundings } from './surroundings.ts'

/** This version holds a file whole in memory. */
export const maxPlaintextBytes: number = 2 ** 30
/** So that what was sealed can be opened: a message is longer than its plaintext, by 1/4000 at the default frame length. */
export const maxMessageBytes: number = maxPlaintextBytes + 2 ** 26

/**
 * All of a file, or of standard input for `-`.
 *
 * @throws KeyfoldError `LIMIT_EXCEEDED` for more than `maxBytes`: of a file before any of it is read
 */
export async function readInput(path: string, maxBytes: number, { stdin, signal }: Surroundings): Promise<Uint8Array> {
  const what = describeInput(path)
  try {
    if (path === '-') return await collect(stdin, what, maxBytes, signal)
    const file = await open(path, 'r')
    try {
      const stats = await file.stat()
      if (stats.size > maxBytes) throw tooLarge(what, `it has ${stats.size} bytes`, maxBytes)
      // A pipe or device has no size to go by.
      return stats.isFile() ? await file.readFile({ signal }) : await collectFile(file, what, maxBytes, signal)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileFailure(what, error)
  }
}

/** The first bytes of a file, or of standard input for `-`. */
export async function readHead(path: string, length: number, { stdin, signal }: Surroundings): Promise<Uint8Array> {
  const what = describeInput(path)
  const stream = path === '-' ? stdin : createReadStream(path, { end: length - 1 })
  try {
    return (await take(stream, length, signal)).bytes
  } catch (error) {
    throw fileFailure(what, error)
  }
}

/** How messages call an input. */
export function describeInput(path: string): string {
  return path === '-' ? 'standard input' : path
}

function collectFile(file: FileHandle, what: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  return collect(file.createReadStream({ autoClose: false }), what, maxBytes, signal)
}

async function collect(stream: Readable, what: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const { bytes, ended } = await take(stream, maxBytes, signal)
  if (ended) return bytes
  throw tooLarge(what, `it goes on after ${maxBytes} bytes`, maxBytes)
}

/** At most `length` bytes; `ended` tells whether that was all. */
async function take(
  stream: Readable,
  length: number,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array; readonly ended: boolean }> {
  const chunks: Uint8Array[] = []
  let total = 0
  const destroy = (): void => void stream.destroy(new KeyfoldError('ABORTED', 'interrupted'))
  if (signal.aborted) destroy()
  signal.addEventListener('abort', destroy)
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      // no encoding was set
      chunks.push(chunk)
      total += chunk.length
      if (total > length) break
    }
  } finally {
    signal.removeEventListener('abort', destroy)
  }
  const bytes = Buffer.concat(chunks)
  return { bytes: bytes.subarray(0, length), ended: total <= length }
}

function tooLarge(what: string, size: string, maxBytes: number): KeyfoldError {
  const limit = `this version holds a file whole in memory and takes at most ${maxBytes} (${formatBytes(maxBytes)})`
  return new KeyfoldError('LIMIT_EXCEEDED', `${what}: ${size}, and ${limit}`)
}

/** A number of bytes for people. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${bytes % size === 0 ? bytes / size : (bytes / size).toFixed(2)} ${unit}`
  }
  return bytes === 1 ? '1 byte' : `${bytes} bytes`
}
