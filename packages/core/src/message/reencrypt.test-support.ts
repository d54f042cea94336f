import type { ReencryptStreamOptions } from './call-options.ts'
import type { Envelope } from './envelope.ts'

/** All that a stream gives, as one array. */
export async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** A stream of the bytes, in chunks of so many. */
export function streamOf(bytes: Uint8Array, chunkLength = 13): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, at + chunkLength))
      at += chunkLength
    },
  })
}

/** Moves a message from one envelope to another. */
export type Move = (
  from: Envelope,
  bytes: Uint8Array,
  to: Envelope,
  options?: Omit<ReencryptStreamOptions, 'signed'>,
) => Promise<Uint8Array>

/** Both ways of moving a message, which must do the same. */
export const moves: readonly (readonly [string, Move])[] = [
  ['reencrypt', (from, bytes, to, options) => from.reencrypt(bytes, to, options)],
  [
    'reencryptStream',
    async (from, bytes, to, options) => {
      return collect(streamOf(bytes).pipeThrough(from.reencryptStream(to, options)))
    },
  ],
]
