import type { Duplex } from 'node:stream'
import { decryptDuplex, encryptDuplex } from '../node/duplex.ts'
import type { WebTransform } from '../stream/web.ts'
import type { DecryptStreamOptions, EncryptStreamOptions } from './call-options.ts'
import type { Envelope } from './envelope.ts'

/** What came of a stream that was written to and read from until it ended. */
export interface Driven {
  /** All that was read, of a stream that failed too. */
  readonly output: Buffer
  /** As it was read, chunk by chunk. */
  readonly chunks: readonly Uint8Array[]
  /** What reading failed with. */
  readonly error: unknown
  /** What writing failed with. */
  readonly writeError: unknown
}

/** One kind of stream: the same tests run on both. */
export interface StreamKind {
  readonly kind: string
  encrypt(envelope: Envelope, chunks: Iterable<Uint8Array>, options?: EncryptStreamOptions): Promise<Driven>
  decrypt(envelope: Envelope, chunks: Iterable<Uint8Array>, options?: DecryptStreamOptions): Promise<Driven>
}

export const webKind: StreamKind = {
  kind: 'web stream',
  encrypt: (envelope, chunks, options) => driveWeb(envelope.encryptStream(options), chunks),
  decrypt: (envelope, chunks, options) => driveWeb(envelope.decryptStream(options), chunks),
}

export const duplexKind: StreamKind = {
  kind: 'Duplex',
  encrypt: (envelope, chunks, options) => driveDuplex(encryptDuplex(envelope, options), chunks),
  decrypt: (envelope, chunks, options) => driveDuplex(decryptDuplex(envelope, options), chunks),
}

export const streamKinds: readonly StreamKind[] = [webKind, duplexKind]

/** Each byte a chunk of its own. */
export function* byteByByte(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1)
}

/** Chunks of a length, but for the last. */
export function* cut(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

export async function driveWeb(stream: WebTransform, chunks: Iterable<Uint8Array>): Promise<Driven> {
  const write = async (): Promise<void> => {
    const writer = stream.writable.getWriter()
    for (const chunk of chunks) await writer.write(chunk)
    await writer.close()
  }
  return settle(stream.readable, write)
}

export async function driveDuplex(duplex: Duplex, chunks: Iterable<Uint8Array>): Promise<Driven> {
  const write = async (): Promise<void> => {
    for (const chunk of chunks) await called((done) => duplex.write(chunk, done))
    await called((done) => duplex.end(done))
  }
  return settle(duplex, write)
}

async function settle(output: AsyncIterable<Uint8Array>, write: () => Promise<void>): Promise<Driven> {
  const chunks: Uint8Array[] = []
  const read = async (): Promise<void> => {
    for await (const chunk of output) chunks.push(chunk)
  }
  const [error, writeError] = await Promise.all([errorOf(read()), errorOf(write())])
  return { output: Buffer.concat(chunks), chunks, error, writeError }
}

function called(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())))
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error
  }
}
