import { engine } from '#engine'
import type { MessageKey, MessageVerifier } from '../crypto/engine.ts'
import { KeyfoldError } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { ChunkReader } from '../stream/chunk-reader.ts'
import type { Flow } from '../stream/pump.ts'
import { quietPromise } from '../stream/quiet-promise.ts'
import { demandBytes, lengthOf } from '../wire/bytes.ts'
import { footerLength, parseFooter } from '../wire/footer.ts'
import { unframedLength } from '../wire/frame.ts'
import { demandEnd, endedEarly } from '../wire/message-end.ts'
import { bytesOf, HeaderMeasure, type ParsedHeader, parseHeader } from '../wire/parse-header.ts'
import { checkDecryptOptions, checkSigned, type DecryptStreamOptions } from './call-options.ts'
import { chunksOf, runAtHand } from './chunks.ts'
import { type CallerContext, expectedContext } from './context.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { tellOpened } from './message-events.ts'
import { describeOpened, type OpenedHeader, type OpeningPlan, openMaterials, planOpening } from './opening.ts'
import { allButTheLast, atOnce, atTheEnd, demandMayBeHeld, type Release } from './release.ts'

/** A message on its way out of a stream, with what is known of it before its end. */
export interface DecryptFlow extends Flow {
  readonly header: Promise<OpenedHeader>
}

interface StreamRequest {
  readonly caller: CallerContext
  readonly signed: 'hold' | 'release' | 'refuse'
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function decryptFlow(config: EnvelopeConfig, options: DecryptStreamOptions = {}): DecryptFlow {
  checkDecryptOptions(options, 'decryptStream')
  const signed = checkSigned(options.signed)
  const caller = config.contexts.check(options.context, options.withheld)
  const header = quietPromise<OpenedHeader>()
  return {
    header: header.promise,
    signal: options.signal,
    run: (input, signal) => decryptStream(config, { caller, signed }, input, signal, header.resolve),
    failed: header.reject,
  }
}

/**
 * Opens one message that comes piece by piece, in the memory of one frame: `decrypt.ts`, frame by frame. No byte of a frame
 * is given out before its tag holds; what a signature vouches for waits for it as `signed` says.
 *
 * @param opened is given the header as soon as it is verified
 */
async function* decryptStream(
  config: EnvelopeConfig,
  { caller, signed }: StreamRequest,
  input: AsyncIterable<unknown, undefined>,
  signal: AbortSignal,
  opened: (header: OpenedHeader) => void,
): AsyncGenerator<Uint8Array, void> {
  const startedAt = startOf(config)
  const message = new ChunkReader(input, (chunk) => demandBytes(chunk, 'decryptStream'))
  const plan = planOpening(config, await readHeader(config, caller, message), caller)
  const release = releaseFor(config, plan, signed)
  const { value: key, provider } = await openMaterials(config, plan, signal)
  try {
    opened(describeOpened(plan, provider))
    const verifier = await verifierOf(plan)
    let plaintextBytes = 0
    for await (const { pieces, bytes, lastLength } of openRuns(config, plan, key, message, verifier)) {
      plaintextBytes += bytes
      yield* chunksOf(release.add(pieces, lastLength))
    }
    await verifier?.verify(await readSignature(message))
    demandEnd((await message.atLeast(1)).length)
    yield* chunksOf(release.end())
    const { suite } = plan.header
    tellOpened(config, provider, { suite, plaintextBytes, messageBytes: message.consumed, startedAt })
  } finally {
    key[Symbol.dispose]()
  }
}

async function readHeader(config: EnvelopeConfig, caller: CallerContext, message: ChunkReader): Promise<ParsedHeader> {
  const header = new HeaderMeasure(config.limits)
  for (let due = 1; ; ) {
    const bytes = await message.atLeast(due, 2 * due) // twice, so that many small fields are not measured one by one
    if (bytes.length < due) throw endedEarly(bytes.length)
    due = header.measure(bytes)
    if (due > bytes.length) continue
    const own = bytes.slice(0, due) // the reader's memory is for the frames
    message.consume(due)
    return parseHeader(own, config.limits, expectedContext(caller))
  }
}

/** @throws KeyfoldError `POLICY_VIOLATION` where a signed message is refused: before any key call */
function releaseFor({ limits }: EnvelopeConfig, { header }: OpeningPlan, signed: StreamRequest['signed']): Release {
  if (header.suite.signature === undefined) return atOnce
  if (signed === 'refuse') {
    throw new KeyfoldError('POLICY_VIOLATION', "the message is signed, which this stream refuses (signed: 'refuse')")
  }
  return signed === 'release' ? allButTheLast() : atTheEnd(limits.maxBufferedBytes)
}

async function verifierOf({ header, publicKey }: OpeningPlan): Promise<MessageVerifier | undefined> {
  if (publicKey === undefined) return undefined
  const verifier = await engine.verifier(header.suite, publicKey)
  await verifier.update(bytesOf(header))
  return verifier
}

/** The plaintext of some frames. */
interface OpenedRun {
  /** One or more for each frame. */
  readonly pieces: readonly Uint8Array[]
  /** Length in bytes of all of it. */
  readonly bytes: number
  /** Length in bytes of the last frame's. */
  readonly lastLength: number
}

/** The body's frames, a run of them at a time. */
async function* openRuns(
  { limits }: EnvelopeConfig,
  { header: { frameLength } }: OpeningPlan,
  key: MessageKey,
  message: ChunkReader,
  verifier: MessageVerifier | undefined,
): AsyncGenerator<OpenedRun, void> {
  let opened = 0
  for (let due = 1, final = false; !final; ) {
    const bytes = await message.atLeast(due)
    if (bytes.length < due) throw endedEarly(message.consumed + bytes.length)
    const run = runAtHand(bytes, frameLength, opened + 1)
    if (frameLength === 0) demandMayBeHeld(run.length + run.due - unframedLength(0), limits.maxBufferedBytes)
    due = Math.max(1, run.due)
    if (run.count === 0) continue
    const sealed = bytes.subarray(0, run.length)
    await verifier?.update(sealed)
    const firstSequenceNumber = opened + 1
    const pieces = await key.openFrames({ bytes: sealed, frameLength, firstSequenceNumber, final: run.final })
    message.consume(run.length)
    opened += run.count
    final = run.final
    const plaintextBytes = lengthOf(pieces)
    yield { pieces, bytes: plaintextBytes, lastLength: plaintextBytes - (run.count - 1) * frameLength }
  }
}

async function readSignature(message: ChunkReader): Promise<Uint8Array> {
  const length = footerLength(await message.atLeast(2))
  const signature = parseFooter((await message.atLeast(length)).slice(0, length))
  message.consume(length)
  return signature
}
