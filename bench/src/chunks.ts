import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Bytes that are all there, cut into chunks of one length. */
export function* chunksOf(bytes: Uint8Array, chunkLength: number): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let at = 0; at < bytes.length; at += chunkLength) {
    yield bytes.subarray(at, at + chunkLength) as Uint8Array<ArrayBuffer> // the bench has no shared memory
  }
}

/** A sink, told of every chunk. */
export type Sink = (chunk: Uint8Array) => void

/** Takes the chunks through Node's streams, one after another, and drops what comes out once the sink was told. */
export function throughDuplexes(
  chunks: Iterable<Uint8Array>,
  duplexes: readonly NodeJS.ReadWriteStream[],
  sink: Sink,
): Promise<void> {
  const end = new Writable({
    write(chunk: Uint8Array, _encoding, callback) {
      sink(chunk)
      callback()
    },
  })
  return pipeline([Readable.from(chunks, { objectMode: false }), ...duplexes, end])
}

/** The same through web streams. */
export function throughTransforms(
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
  transforms: readonly TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>[],
  sink: Sink,
): Promise<void> {
  let stream: ReadableStream<Uint8Array<ArrayBuffer>> = ReadableStream.from(chunks)
  for (const transform of transforms) stream = stream.pipeThrough(transform)
  return stream.pipeTo(new WritableStream({ write: sink }))
}
