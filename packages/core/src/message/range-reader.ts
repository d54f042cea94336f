import type { MessageKey } from '../crypto/engine.ts'
import { demandNotAborted, KeyfoldError } from '../errors.ts'
import { measureFrames, regularLength } from '../wire/frame.ts'
import { type BodyLayout, type FrameSpan, plaintextLength, spanOf } from '../wire/offsets.ts'
import { Assembly } from './assembly.ts'
import { checkDecryptOptions } from './call-options.ts'
import type { OpenedHeader } from './opening.ts'
import type { CheckedSource } from './range-source.ts'

/** Reads parts of one sealed message. Dispose of it when done, which waits for its reads; its source stays its owner's. */
export interface RangeReader<Context = Readonly<Record<string, string>>> extends AsyncDisposable {
  /** Length in bytes of the whole plaintext; authenticated. */
  readonly length: number
  /** The message's header; authenticated. */
  readonly header: OpenedHeader<Context>
  /**
   * The plaintext from `start` up to, and not including, `end`, in memory of the caller's own. Only the frames that it touches
   * are read, and each is verified.
   *
   * @throws KeyfoldError before anything is read: `INVALID_ARGUMENT` for a range that is reversed, negative or past the end,
   *   or after the reader was disposed of; then `AUTHENTICATION_FAILED` or `MALFORMED_MESSAGE` where the source is not what
   *   it was, `TRANSPORT_CORRUPTION` where it gives more or less than was asked for, `ABORTED`, the source's own error, or
   *   `UNKNOWN` where it throws anything else
   */
  read(
    start: number,
    end: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Uint8Array<ArrayBuffer>>
}

/** A message whose key is known, and where its frames lie. */
export interface OpenMessage {
  readonly source: CheckedSource
  readonly layout: BodyLayout
  readonly key: MessageKey
  /** Where the body begins in the source, in bytes. */
  readonly bodyStart: number
}

/** Reads the frames of a message that `range.ts` has opened; the message's key is its own to dispose of. */
export class MessageRangeReader implements RangeReader {
  readonly length: number
  readonly header: OpenedHeader
  readonly #message: OpenMessage
  readonly #reads = new Set<Promise<unknown>>()
  #disposed = false

  constructor(message: OpenMessage, header: OpenedHeader) {
    this.#message = message
    this.header = header
    this.length = plaintextLength(message.layout)
  }

  async read(
    start: number,
    end: number,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkDecryptOptions(options, 'read')
    if (this.#disposed) throw new KeyfoldError('INVALID_ARGUMENT', 'the range reader was disposed of')
    demandRange(start, end, this.length)
    const reading = readRange(this.#message, start, end, options.signal)
    this.#reads.add(reading)
    try {
      return await reading
    } finally {
      this.#reads.delete(reading)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await Promise.allSettled(this.#reads)
    this.#message.key[Symbol.dispose]()
  }
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandRange(start: number, end: number, length: number): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= length) return
  const within = length === Number.POSITIVE_INFINITY ? '' : ` ≤ ${length}`
  throw new KeyfoldError(
    'INVALID_ARGUMENT',
    `range ${String(start)} to ${String(end)}: expected 0 ≤ start ≤ end${within}`,
  )
}

/** How much of a long range is read at a time. */
const mostReadLength = 8 * 2 ** 20

async function readRange(
  message: OpenMessage,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  demandNotAborted(signal)
  if (start === end) return new Uint8Array(0)
  const { layout } = message
  const { frameLength } = layout
  const last = Math.floor((end - 1) / frameLength)
  const step = Math.max(1, Math.floor(mostReadLength / regularLength(frameLength)))
  const range = new Assembly(end - start)
  for (let frame = Math.floor(start / frameLength); frame <= last; frame += step) {
    const span = spanOf(layout, frame, Math.min(frame + step - 1, last))
    let offset = frame * frameLength
    for (const piece of await openFrames(message, span, signal)) {
      range.add([piece.subarray(Math.max(0, start - offset), Math.max(0, end - offset))])
      offset += piece.length
    }
  }
  return range.finish()
}

/** Opens the frames of a span, if they are where the layout puts them. */
export async function openFrames(
  { source, layout, key, bodyStart }: OpenMessage,
  { firstSequenceNumber, start, end, final }: FrameSpan,
  signal: AbortSignal | undefined,
): Promise<readonly Uint8Array[]> {
  const bytes = await source.read(bodyStart + start, bodyStart + end, signal)
  const found = measureFrames(bytes, layout.frameLength, firstSequenceNumber)
  if (found.final !== final || found.length !== bytes.length) {
    const message = `frame ${firstSequenceNumber} is not where the length of the message puts it`
    throw new KeyfoldError('MALFORMED_MESSAGE', `${message}: it was cut or changed`)
  }
  return key.openFrames({ bytes, frameLength: layout.frameLength, firstSequenceNumber, final })
}
