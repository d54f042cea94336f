import type { MessageKey } from '../crypto/engine.ts'
import { KeyfoldError } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { ChunkReader } from '../stream/chunk-reader.ts'
import type { Flow } from '../stream/pump.ts'
import { quietPromise } from '../stream/quiet-promise.ts'
import { demandBytes } from '../wire/bytes.ts'
import { formatFooter } from '../wire/footer.ts'
import { countFrames, framedLength } from '../wire/frame.ts'
import { describeHeader, type MessageHeader } from '../wire/inspect.ts'
import { parseHeader } from '../wire/parse-header.ts'
import { join } from './assembly.ts'
import { checkLength, type EncryptStreamOptions } from './call-options.ts'
import { chunksOf, framesInRun } from './chunks.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { tellSealed } from './message-events.ts'
import { demandFrameCount, type MessagePlan, planMessage, sealMaterials, startMessage } from './sealing.ts'

/** A message on its way into a stream, with what is known of it before its end. */
export interface EncryptFlow extends Flow {
  readonly header: Promise<MessageHeader>
  readonly sealedLength: Promise<number | undefined>
}

interface StreamPlan extends MessagePlan {
  /** Length in bytes of the plaintext, where it was given. */
  readonly length: number | undefined
}

/** @throws KeyfoldError before any key call, as `encrypt` */
export function encryptFlow(config: EnvelopeConfig, options: EncryptStreamOptions = {}): EncryptFlow {
  const plan = { ...planMessage(config, options, 'encryptStream'), length: checkLength(options.length) }
  const { suite, frameLength, caller, length } = plan
  if (length !== undefined) demandFrameCount(countFrames(length, frameLength), frameLength)
  const header = quietPromise<MessageHeader>()
  const sealedLength = quietPromise<number | undefined>()
  const started = (bytes: Uint8Array): void => {
    header.resolve({ ...describeHeader(parseHeader(bytes, unlimited)), context: caller.pairs })
    const isKnown = length !== undefined && suite.signature === undefined
    sealedLength.resolve(isKnown ? bytes.length + framedLength(length, frameLength) : undefined)
  }
  return {
    header: header.promise,
    sealedLength: sealedLength.promise,
    signal: options.signal,
    run: (input, signal) => encryptStream(config, plan, input, signal, started),
    failed(error) {
      header.reject(error)
      sealedLength.reject(error)
    },
  }
}

const unlimited = { maxEncryptedDataKeys: Number.POSITIVE_INFINITY, maxHeaderBytes: Number.POSITIVE_INFINITY }

/**
 * Seals one message of plaintext that comes piece by piece, in the memory of one frame: `encrypt.ts`, frame by frame.
 *
 * @param started is given the header as soon as it is made
 */
async function* encryptStream(
  config: EnvelopeConfig,
  plan: StreamPlan,
  input: AsyncIterable<unknown, undefined>,
  signal: AbortSignal,
  started: (header: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void> {
  const startedAt = startOf(config)
  const materials = await sealMaterials(config, plan, plan.length, signal)
  const { key, header } = await startMessage(plan, materials)
  try {
    const signer = materials.signingKey?.signer()
    const plaintext = new CountedPlaintext(input, plan.length)
    let messageBytes = 0
    started(join(header))
    for await (const pieces of sealRuns(plan, key, header, plaintext)) {
      for (const piece of pieces) messageBytes += piece.length
      if (signer !== undefined) for (const piece of pieces) await signer.update(piece)
      yield* chunksOf(pieces)
    }
    if (signer !== undefined) {
      const footer = formatFooter(await signer.sign())
      messageBytes += footer.length
      yield footer
    }
    tellSealed(config, { suite: plan.suite, plaintextBytes: plaintext.bytes, messageBytes, startedAt })
  } finally {
    key[Symbol.dispose]()
  }
}

/** The message but for its footer: the header, then frames, a run of them at a time. */
async function* sealRuns(
  { frameLength }: MessagePlan,
  key: MessageKey,
  header: readonly Uint8Array[],
  plaintext: CountedPlaintext,
): AsyncGenerator<readonly Uint8Array[], void> {
  yield header
  const most = framesInRun(frameLength)
  let sealed = 0
  for (let final = false; !final; ) {
    // One byte more than a frame: until that has come, the frame may be the final one, if no length says otherwise.
    const due = plaintext.announces(frameLength + 1) ? frameLength : frameLength + 1
    const bytes = await plaintext.reader.atLeast(due)
    final = bytes.length < due
    if (final) plaintext.demandWhole()
    const whole = Math.min(most, Math.max(1, Math.floor((bytes.length - 1) / frameLength)))
    const run = final ? bytes : bytes.subarray(0, whole * frameLength)
    const firstSequenceNumber = sealed + 1
    sealed += countFrames(run.length, frameLength)
    demandFrameCount(sealed, frameLength)
    const pieces = await key.sealFrames({ bytes: run, frameLength, firstSequenceNumber, final })
    plaintext.reader.consume(run.length)
    yield pieces
  }
}

/** Plaintext that comes in chunks, held to the length that was given. */
class CountedPlaintext {
  readonly reader: ChunkReader
  /** How many have come. */
  bytes = 0
  readonly #length: number | undefined

  constructor(input: AsyncIterable<unknown, undefined>, length: number | undefined) {
    this.#length = length
    this.reader = new ChunkReader(input, (chunk) => this.#count(demandBytes(chunk, 'encryptStream')))
  }

  /** Whether the length says that so many bytes are still to be read. */
  announces(bytes: number): boolean {
    return this.#length !== undefined && this.reader.consumed + bytes <= this.#length
  }

  /** At the end. @throws KeyfoldError `INVALID_ARGUMENT` where the plaintext falls short of its length */
  demandWhole(): void {
    if (this.#length === undefined || this.bytes === this.#length) return
    const message = `the plaintext ended at byte ${this.bytes}: ${this.#length} were announced (length)`
    throw new KeyfoldError('INVALID_ARGUMENT', message)
  }

  #count(chunk: Uint8Array): Uint8Array {
    this.bytes += chunk.length
    if (this.#length === undefined || this.bytes <= this.#length) return chunk
    throw new KeyfoldError('LIMIT_EXCEEDED', `the plaintext goes on after byte ${this.#length}, its length`)
  }
}
