import { type Flow, Pump } from './pump.ts'

/** The two sides of a transformation, as `pipeThrough` takes them. */
export interface WebTransform {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>
  readonly writable: WritableStream<Uint8Array>
}

/**
 * A flow between web streams. Unlike the platform's own `TransformStream`, it gives out what one large chunk turns into at the
 * reader's pace: how much memory it takes does not depend on how the input is cut.
 */
export function transformOf(flow: Flow): WebTransform {
  let readable: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined
  let writable: WritableStreamDefaultController | undefined
  const pump = new Pump(flow, (error) => {
    readable?.error(error)
    writable?.error(error)
  })
  return {
    writable: new WritableStream<Uint8Array>({
      start(controller) {
        writable = controller
        const { signal } = controller as SinkController // the types of Node leave it out
        // `abort` below waits for a write that waits for its reader or for a key; this does not.
        signal.addEventListener('abort', () => {
          writable = undefined // it errors by itself
          void pump.stop(signal.reason)
        })
      },
      write: (chunk) => new Promise((done) => pump.write(chunk, done)),
      close: () => pump.close(),
      abort: (reason) => pump.stop(reason),
    }),
    // One chunk is made before it is asked for, so that the key is called for as soon as there is a stream.
    readable: new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        readable = controller
      },
      async pull(controller) {
        const chunk = await pump.next()
        if (chunk === undefined) controller.close()
        else controller.enqueue(plain(chunk))
      },
      cancel: (reason) => pump.stop(reason),
    }),
  }
}

/** As the standard has it. */
interface SinkController extends WritableStreamDefaultController {
  readonly signal: AbortSignal
}

/** A Buffer's `slice` shares memory, which who reads a web stream does not expect. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length) // no engine works in shared memory
}
