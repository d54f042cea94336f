import type { MessageKey } from '../crypto/engine.ts'
import { demandNotAborted, KeyfoldError } from '../errors.ts'
import { footerAtEnd, longestFooter } from '../wire/footer.ts'
import { measureFrames, regularLength } from '../wire/frame.ts'
import { endedEarly } from '../wire/message-end.ts'
import { type BodyLayout, type FrameSpan, layoutOf, plaintextLength, spanOf } from '../wire/offsets.ts'
import { measureHeader, type ParsedHeader, parseHeader } from '../wire/parse-header.ts'
import { Assembly } from './assembly.ts'
import { checkDecryptOptions, type DecryptRangeOptions, type RangeOptions } from './call-options.ts'
import { type CallerContext, expectedContext } from './context.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { describeOpened, type OpenedHeader, openMaterials, planOpening } from './opening.ts'
import { type CheckedSource, checkSource, type RangeSource } from './range-source.ts'

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

/** How much of a message is read for its header; where that is longer, twice as much, and so on. */
const firstReadLength = 4096

/** How much of a long range is read at a time. */
const mostReadLength = 8 * 2 ** 20

/**
 * Opens a message of which parts are to be read: read and verify the header as `decrypt.ts` does, then the final frame. Its
 * number says how many frames there are and its length how long it is, so that a message that is cut, or has another's end,
 * is not opened; what is read later is verified frame by frame.
 */
export async function openRange(
  config: EnvelopeConfig,
  given: Uint8Array | Blob | RangeSource,
  options: RangeOptions = {},
): Promise<RangeReader> {
  checkDecryptOptions(options, 'openRange')
  return open(config, given, options)
}

/** Reads one part of a message. */
export async function decryptRange(
  config: EnvelopeConfig,
  given: Uint8Array | Blob | RangeSource,
  options: DecryptRangeOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  checkDecryptOptions(options, 'decryptRange')
  const { start, end, signal } = options
  demandRange(start, end, Number.POSITIVE_INFINITY)
  await using reader = await open(config, given, options)
  return await reader.read(start, end, { signal })
}

async function open(
  config: EnvelopeConfig,
  given: Uint8Array | Blob | RangeSource,
  options: RangeOptions,
): Promise<RangeReader> {
  const { signal } = options
  const caller = config.contexts.check(options.context, options.withheld)
  const source = checkSource(given)
  const header = await readHeader(config, caller, source, signal)
  const plan = planOpening(config, header, caller)
  demandReadableInParts(header, options.ignoreSignature === true)
  const layout = await findFrames(source, header, signal)
  const { value: key, provider } = await openMaterials(config, plan, signal)
  const message = { source, layout, key, bodyStart: header.length }
  try {
    await openFrames(message, spanOf(layout, layout.regularFrames, layout.regularFrames), signal)
  } catch (error) {
    key[Symbol.dispose]()
    throw error
  }
  return new MessageRangeReader(message, describeOpened(plan, provider))
}

async function readHeader(
  config: EnvelopeConfig,
  caller: CallerContext,
  source: CheckedSource,
  signal: AbortSignal | undefined,
): Promise<ParsedHeader> {
  for (let length = firstReadLength; ; ) {
    const bytes = await source.read(0, Math.min(length, source.size), signal)
    const due = measureHeader(bytes, config.limits)
    if (due > source.size) throw endedEarly(source.size)
    // In memory of its own: the source may use its again.
    if (due <= bytes.length) return parseHeader(bytes.slice(0, due), config.limits, expectedContext(caller))
    length = Math.max(due, 2 * length)
  }
}

/** @throws KeyfoldError before any key call: `UNSUPPORTED`, `POLICY_VIOLATION` */
function demandReadableInParts({ suite, frameLength }: ParsedHeader, ignoresSignature: boolean): void {
  if (frameLength === 0) {
    throw new KeyfoldError('UNSUPPORTED', 'an unframed message has one tag for all of it: no part of it can be read')
  }
  if (suite.signature === undefined || ignoresSignature) return
  const message = 'the message is signed, and a signature is over all of it: a part of it is read unverified by it'
  throw new KeyfoldError('POLICY_VIOLATION', `${message} (ignoreSignature: true)`)
}

/** Where the frames must lie, from the lengths of source and header; the final frame will have to prove it. */
async function findFrames(
  source: CheckedSource,
  { suite, frameLength, length }: ParsedHeader,
  signal: AbortSignal | undefined,
): Promise<BodyLayout> {
  let end = source.size
  if (suite.signature !== undefined) {
    const most = Math.min(longestFooter(suite.signature), source.size - length)
    const footerLength = footerAtEnd(await source.read(source.size - most, source.size, signal))
    if (footerLength === undefined) throw endedEarly(source.size)
    end -= footerLength
  }
  const layout = layoutOf(end - length, frameLength)
  if (layout === undefined) throw endedEarly(source.size)
  return layout
}

/** A message whose key is known, and where its frames lie. */
interface OpenMessage {
  readonly source: CheckedSource
  readonly layout: BodyLayout
  readonly key: MessageKey
  /** Where the body begins in the source, in bytes. */
  readonly bodyStart: number
}

class MessageRangeReader implements RangeReader {
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
function demandRange(start: number, end: number, length: number): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= length) return
  const within = length === Number.POSITIVE_INFINITY ? '' : ` ≤ ${length}`
  throw new KeyfoldError(
    'INVALID_ARGUMENT',
    `range ${String(start)} to ${String(end)}: expected 0 ≤ start ≤ end${within}`,
  )
}

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
    for (const [at, plaintext] of (await openFrames(message, span, signal)).entries()) {
      const offset = (frame + at) * frameLength
      range.add([plaintext.subarray(Math.max(0, start - offset), end - offset)])
    }
  }
  return range.finish()
}

async function openFrames(
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
