import { decryptDuplex, encryptDuplex } from '@keyfold/core/node'
import { chunksOf, type Sink, throughDuplexes, throughTransforms } from './chunks.ts'
import { context } from './fixtures.ts'
import { envelope } from './keyfold.ts'
import { type Contender, demandSame } from './work.ts'

/*
 * One long message through a stream: the input lies in memory, cut into chunks, and what comes out is counted and dropped.
 * The chunks are as long as the frames of ours that go with it; the ESDK gets the same ones.
 */

/** Takes an input through a stream of one kind. */
type Pass = (input: Uint8Array, chunkLength: number, sink: Sink) => Promise<void>

/** The two directions of one kind of stream. */
export interface StreamKind {
  /** @param frameLength its own default where it is undefined */
  seal(frameLength: number | undefined): Pass
  readonly open: Pass
}

export const duplexes: StreamKind = {
  seal: (frameLength) => (input, chunkLength, sink) =>
    throughDuplexes(
      chunksOf(input, chunkLength),
      [encryptDuplex(envelope, { context, frameLength, length: input.length })],
      sink,
    ),
  open: (input, chunkLength, sink) =>
    throughDuplexes(chunksOf(input, chunkLength), [decryptDuplex(envelope, { context })], sink),
}

export const transforms: StreamKind = {
  seal: (frameLength) => (input, chunkLength, sink) =>
    throughTransforms(
      chunksOf(input, chunkLength),
      [envelope.encryptStream({ context, frameLength, length: input.length })],
      sink,
    ),
  open: (input, chunkLength, sink) =>
    throughTransforms(chunksOf(input, chunkLength), [envelope.decryptStream({ context })], sink),
}

/** What a stream is given, and how it is cut. */
export interface StreamInput {
  readonly plaintext: Uint8Array
  readonly chunkLength: number
  /** Its own default where it is not given. */
  readonly frameLength?: number
  /** See `Contender.part`. */
  readonly part?: number
}

export function streamSealing(kind: StreamKind, input: StreamInput): Contender {
  const { chunkLength, frameLength, part = 1 } = input
  const plaintext = partOf(input)
  const seal = kind.seal(frameLength)
  return {
    part,
    run: () => outputLength(seal, plaintext, chunkLength),
    async check() {
      const message = await output(seal, plaintext, chunkLength)
      demandSame((await envelope.decrypt(message)).plaintext, plaintext)
    },
  }
}

export async function streamOpening(kind: StreamKind, input: StreamInput): Promise<Contender> {
  const { chunkLength, frameLength, part = 1 } = input
  const plaintext = partOf(input)
  const message = await output(kind.seal(frameLength), plaintext, chunkLength)
  return {
    part,
    run: () => outputLength(kind.open, message, chunkLength),
    check: async () => demandSame(await output(kind.open, message, chunkLength), plaintext),
  }
}

function partOf({ plaintext, part = 1 }: StreamInput): Uint8Array {
  return plaintext.subarray(0, plaintext.length * part)
}

async function outputLength(pass: Pass, input: Uint8Array, chunkLength: number): Promise<number> {
  let length = 0
  await pass(input, chunkLength, (chunk) => {
    length += chunk.length
  })
  return length
}

async function output(pass: Pass, input: Uint8Array, chunkLength: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  await pass(input, chunkLength, (chunk) => void chunks.push(chunk.slice()))
  return Buffer.concat(chunks)
}
