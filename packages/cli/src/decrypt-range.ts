import { createEnvelope, type Envelope, KeyfoldError, type RangeReader } from '@keyfold/core'
import { fileSource } from '@keyfold/core/node'
import { InvalidArgumentError } from 'commander'
import { formatBytes } from './format-bytes.ts'
import { withKeys } from './keys.ts'
import type { MessageFlags, OpenFlags } from './options.ts'
import { chooseTarget, type WriteResult, withOutput } from './output.ts'
import { startProgress } from './progress.ts'
import { tellResult } from './result.ts'
import type { Surroundings } from './surroundings.ts'

/** A part of a plaintext, in bytes; `end` is the first that is not wanted. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What `decrypt --range` goes by. */
export interface RangeFlags extends MessageFlags, OpenFlags {
  readonly range: ByteRange
  readonly ignoreSignature?: boolean
}

/** The value of --range. */
export function parseRange(text: string): ByteRange {
  const [, start, end] = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text) ?? []
  if (start === undefined || end === undefined) throw new InvalidArgumentError('expected START-END, such as 0-1024')
  return { start: Number(start), end: Number(end) }
}

/** Opens a part of a sealed file: reads its header, its end, and the frames that the part touches. */
export async function decryptRange(file: string, flags: RangeFlags, surroundings: Surroundings): Promise<void> {
  const { output, force = false, quiet = false, json = false, commitmentPolicy } = flags
  const { range, hedgeAfter: hedgeAfterMs } = flags
  if (file === '-') throw new KeyfoldError('INVALID_ARGUMENT', '--range needs a file: a pipe cannot be read in parts')
  demandForwards(range)
  const target = await chooseTarget({ output, force, mode: 0o600 })
  const { header, length: totalBytes } = await withKeys(flags, { surroundings, hedgeAfterMs }, (keys) => {
    const envelope = createEnvelope({ keys, commitmentPolicy })
    return withOutput(target, surroundings, (write) => readRange(envelope, file, flags, write, surroundings))
  })
  const plaintextBytes = range.end - range.start
  const { suite, signed, context, openedBy } = header
  const text = `opened ${formatBytes(plaintextBytes)} of ${formatBytes(totalBytes)} with ${openedBy.name}`
  const result = { output, ...range, plaintextBytes, totalBytes, suite, signed, context, openedBy }
  await tellResult({ output, json, quiet, text, result }, surroundings)
}

/** The reader refuses it too, but not before a key was called. */
function demandForwards({ start, end }: ByteRange): void {
  if (start > end) throw new KeyfoldError('INVALID_ARGUMENT', `--range ${start}-${end}: its end is before its start`)
}

async function readRange(
  envelope: Envelope,
  file: string,
  { range, context, withheld, ignoreSignature, output, quiet = false, json = false }: RangeFlags,
  write: WriteResult,
  surroundings: Surroundings,
): Promise<RangeReader> {
  const { signal } = surroundings
  await using source = await fileSource(file)
  await using reader = await envelope.openRange(source, { context, withheld, ignoreSignature, signal })
  const totalBytes = range.end - range.start
  const progress = startProgress({ title: `opening ${file}`, totalBytes, output, quiet: quiet || json }, surroundings)
  try {
    for (const { start, end } of partsOf(range, reader)) {
      const part = await reader.read(start, end, { signal })
      await write(part)
      progress.add(part.length)
    }
  } finally {
    progress.stop()
  }
  return reader
}

/** What is held at once, where a frame is not longer. */
const partBytes = 2 ** 22

/** A range in parts that end where frames do, so that no frame is read twice. One that is empty, or past the end, goes to the reader as it is. */
function* partsOf(range: ByteRange, { header: { frameLength }, length }: RangeReader): Generator<ByteRange, void> {
  if (range.start === range.end || range.end > length) return yield range
  const step = frameLength * Math.max(1, Math.floor(partBytes / frameLength))
  for (let { start } = range; start < range.end; ) {
    const end = Math.min(range.end, (Math.floor(start / step) + 1) * step)
    yield { start, end }
    start = end
  }
}
