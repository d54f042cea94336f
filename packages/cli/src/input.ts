import { constants, createReadStream, fstatSync, open as openCallback, fstat as statCallback } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { KeyfoldError } from '@keyfold/core'
import { fileFailure, interrupted } from './failure.ts'
import type { Surroundings } from './surroundings.ts'

/** A file, a pipe or standard input, open for reading. Whoever has opened it destroys the stream. */
export interface Input {
  /** How messages call it. */
  readonly name: string
  /** Length in bytes of a regular file: the stream ends there, even if the file has grown meanwhile. */
  readonly size: number | undefined
  /** Gives bytes. Its errors are the system's: {@link fileFailure} makes them Keyfold's. */
  readonly stream: Readable
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for what is not there or is a folder, `ACCESS_DENIED`
 */
export async function openInput(path: string, { stdin }: Surroundings): Promise<Input> {
  const name = describeInput(path)
  if (path === '') throw new KeyfoldError('INVALID_ARGUMENT', 'the name of a file is empty')
  if (path === '-') {
    demandNoFolder(name, stdin)
    return { name, size: undefined, stream: stdin }
  }
  try {
    const isPipe = (await stat(path)).isFIFO()
    return { name, ...(isPipe ? await openPipe(path) : await openFile(path)) }
  } catch (error) {
    throw fileFailure(name, error)
  }
}

/** Node reads a folder that a shell gives it as nothing at all. */
function demandNoFolder(name: string, stdin: Readable): void {
  if ('fd' in stdin && typeof stdin.fd === 'number' && fstatSync(stdin.fd).isDirectory()) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${name}: it is a folder`)
  }
}

/** How messages call an input. */
export function describeInput(path: string): string {
  return path === '-' ? 'standard input' : path
}

const open = promisify(openCallback)
const fstat = promisify(statCallback)

/**
 * Waits for a writer in the event loop. Opening a pipe or reading it as a file would do so in a thread, which no signal
 * reaches and without which the process cannot end.
 */
async function openPipe(path: string): Promise<Omit<Input, 'name'>> {
  const fd = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return { size: undefined, stream: new Socket({ fd, readable: true, writable: false }) }
}

/** What is read at once. Each chunk costs the streams some microseconds, whatever its length. */
const chunkBytes = 2 ** 18

async function openFile(path: string): Promise<Omit<Input, 'name'>> {
  const fd = await open(path, constants.O_RDONLY)
  const stats = await fstat(fd)
  // A device has no size to go by, nor have files that the system makes while they are read.
  const size = stats.isFile() && stats.size > 0 ? stats.size : undefined
  const end = size === undefined ? {} : { end: size - 1 }
  return { size, stream: createReadStream(path, { fd, highWaterMark: chunkBytes, ...end }) }
}

/**
 * All of a small file, or of standard input for `-`.
 *
 * @throws KeyfoldError `LIMIT_EXCEEDED` for more than `maxBytes`
 */
export async function readInput(path: string, maxBytes: number, surroundings: Surroundings): Promise<Uint8Array> {
  const { bytes, name } = await take(path, (read) => read.length > maxBytes, surroundings)
  if (bytes.length <= maxBytes) return bytes
  throw new KeyfoldError('LIMIT_EXCEEDED', `${name}: it has more than ${maxBytes} bytes, which is the most`)
}

/** The start of a file, or of standard input for `-`: as soon as `isEnough` says so, all of a short one otherwise. */
export async function readHead(
  path: string,
  isEnough: (read: Uint8Array) => boolean,
  surroundings: Surroundings,
): Promise<Uint8Array> {
  return (await take(path, isEnough, surroundings)).bytes
}

/** Of what is longer, not each piece is worth asking at. */
const stepBytes = 2 ** 16

/** Asks at each piece that comes, as long as they are few, and does not wait for another once it has enough. */
async function take(
  path: string,
  isEnough: (read: Uint8Array) => boolean,
  surroundings: Surroundings,
): Promise<{ bytes: Uint8Array; name: string }> {
  const { name, stream } = await openInput(path, surroundings)
  const { signal } = surroundings
  const chunks: Uint8Array[] = []
  let [bytes, length, dueLength] = [Buffer.alloc(0), 0, 0]
  const destroy = (): void => void stream.destroy(interrupted())
  if (signal.aborted) destroy()
  signal.addEventListener('abort', destroy)
  try {
    // no encoding was set
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      length += chunk.length
      if (length < dueLength) continue
      bytes = Buffer.concat(chunks)
      if (isEnough(bytes)) break
      if (length > stepBytes) dueLength = length + stepBytes
    }
    if (bytes.length < length) bytes = Buffer.concat(chunks)
  } catch (error) {
    throw fileFailure(name, error)
  } finally {
    signal.removeEventListener('abort', destroy)
  }
  return { bytes, name }
}
