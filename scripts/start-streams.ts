import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type Envelope, KeyfoldError } from '@keyfold/core'
import { decryptDuplex, encryptDuplex } from '@keyfold/core/node'
import { fileFailure } from '../packages/cli/src/failure.ts'
import type { Input } from '../packages/cli/src/input.ts'

type Context = Readonly<Record<string, string>>

/** What a file was and has become. */
export interface Sealed {
  readonly plaintextBytes: number
  readonly messageBytes: number
  /** Of the plaintext, in hexadecimal digits. */
  readonly sha256: string
}

/** Seals a file of any size into another, in the memory of a frame. */
export async function sealFile(
  envelope: Envelope,
  input: Input,
  sealedPath: string,
  context: Context,
): Promise<Sealed> {
  const hash = createHash('sha256')
  let plaintextBytes = 0
  async function* watch(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      hash.update(chunk)
      plaintextBytes += chunk.length
      yield chunk
    }
  }
  const sealed = createWriteStream(sealedPath, { mode: 0o600 })
  try {
    await pipeline(input.stream, watch, encryptDuplex(envelope, { context, length: input.size }), sealed)
  } catch (error) {
    throw fileFailure(input.name, error)
  }
  return { plaintextBytes, messageBytes: sealed.bytesWritten, sha256: hash.digest('hex') }
}

/** @returns the SHA-256 of the plaintext, in hexadecimal digits */
export async function openFile(envelope: Envelope, sealedPath: string, context: Context): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(sealedPath), decryptDuplex(envelope, { context }), hash)
  return hash.digest('hex')
}

/** How a message was refused. */
export interface Refusal {
  readonly error: KeyfoldError
  /** How much was authenticated, and given out, before. */
  readonly plaintextBytes: number
}

/** How a message is refused: not being refused is the failure here. */
export async function refusal(
  envelope: Envelope,
  message: AsyncIterable<Uint8Array>,
  context: Context,
): Promise<Refusal> {
  let plaintextBytes = 0
  try {
    await pipeline(message, decryptDuplex(envelope, { context }), async (plaintext) => {
      for await (const chunk of plaintext) plaintextBytes += chunk.length
    })
  } catch (error) {
    if (KeyfoldError.is(error)) return { error, plaintextBytes }
    throw error
  }
  throw new Error('it was opened')
}

/** A file's bytes with one bit of one of them altered. */
export async function* alteredFile(path: string, at: number): AsyncGenerator<Uint8Array> {
  let offset = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    // no encoding was set
    const index = at - offset
    if (index >= 0 && index < chunk.length) chunk[index] = (chunk[index] ?? 0) ^ 1
    offset += chunk.length
    yield chunk
  }
}
