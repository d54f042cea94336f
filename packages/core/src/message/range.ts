import { KeyfoldError } from '../errors.ts'
import { footerAtEnd, longestFooter } from '../wire/footer.ts'
import { endedEarly } from '../wire/message-end.ts'
import { type BodyLayout, layoutOf, spanOf } from '../wire/offsets.ts'
import { HeaderMeasure, type ParsedHeader, parseHeader } from '../wire/parse-header.ts'
import { checkDecryptOptions, type DecryptRangeOptions, type RangeOptions } from './call-options.ts'
import { type CallerContext, expectedContext } from './context.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { describeOpened, openMaterials, planOpening } from './opening.ts'
import { demandRange, MessageRangeReader, openFrames, type RangeReader } from './range-reader.ts'
import { type CheckedSource, checkSource, type RangeSource } from './range-source.ts'

/** How much of a message is read for its header; where that is longer, twice as much, and so on. */
const firstReadLength = 4096

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
  const header = new HeaderMeasure(config.limits)
  for (let length = firstReadLength; ; ) {
    const bytes = await source.read(0, Math.min(length, source.size), signal)
    const due = header.measure(bytes)
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
