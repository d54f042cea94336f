import { demandNotAborted, KeyfoldError } from '../errors.ts'
import { untilAborted } from '../until-aborted.ts'
import { demandBytes } from '../wire/bytes.ts'

/** Something that any part of can be read: a file, an object in a store. It must stay the same from the first read to the last. */
export interface RangeSource {
  /** Length in bytes. */
  readonly size: number
  /**
   * The bytes from `start` up to, and not including, `end`: all of them, or an error. Never asked for none. A source that may
   * be overwritten meanwhile pins a version (an ETag, a generation) and fails when that is gone.
   */
  read(start: number, end: number, options: { readonly signal: AbortSignal }): Promise<Uint8Array>
}

/** A source whose answers are checked. */
export interface CheckedSource {
  readonly size: number
  /**
   * @throws KeyfoldError `TRANSPORT_CORRUPTION` for fewer or more bytes than were asked for, `ABORTED`, the source's own, or
   *   `UNKNOWN` where it throws anything else
   */
  read(start: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array>
}

/** @throws KeyfoldError `INVALID_ARGUMENT` for what is no source */
export function checkSource(source: Uint8Array | Blob | RangeSource): CheckedSource {
  const { size, read } = asSource(source)
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new KeyfoldError('INVALID_ARGUMENT', `source: a size of ${String(size)} is no number of bytes`)
  }
  return { size, read: (start, end, signal) => readExactly(read, start, end, signal) }
}

function asSource(source: unknown): RangeSource {
  if (source instanceof Blob) {
    const read = async (start: number, end: number): Promise<Uint8Array> =>
      new Uint8Array(await source.slice(start, end).arrayBuffer())
    return { size: source.size, read }
  }
  if (isRangeSource(source))
    return { size: source.size, read: (start, end, options) => source.read(start, end, options) }
  const bytes = demandBytes(source, 'source')
  return { size: bytes.length, read: async (start, end) => demandBytes(bytes, 'source').subarray(start, end) }
}

function isRangeSource(source: unknown): source is RangeSource {
  return (
    typeof source === 'object' &&
    source !== null &&
    'read' in source &&
    typeof source.read === 'function' &&
    'size' in source
  )
}

async function readExactly(
  read: RangeSource['read'],
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  demandNotAborted(signal)
  if (start === end) return new Uint8Array(0)
  // One of its own where there is none: listeners that a source leaves behind would pile up on a shared one.
  const options = { signal: signal ?? new AbortController().signal }
  const bytes = demandBytes(await answered(() => read(start, end, options), signal), 'source')
  demandNotAborted(signal) // even where the answer came in the same turn
  if (bytes.length === end - start) return bytes
  const message = `the source gave ${bytes.length} bytes of the ${end - start} from ${start} to ${end}`
  throw new KeyfoldError('TRANSPORT_CORRUPTION', message)
}

/** The answer, or the end of waiting for it, whether the source heeds the signal or not. */
async function answered<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    const answer = Promise.resolve(call())
    return await (signal === undefined ? answer : untilAborted(answer, signal))
  } catch (error) {
    demandNotAborted(signal)
    if (KeyfoldError.is(error)) throw error
    throw new KeyfoldError('UNKNOWN', 'the source failed', { cause: error })
  }
}
