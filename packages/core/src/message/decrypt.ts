import { engine } from '#engine'
import type { MessageKey } from '../crypto/engine.ts'
import { chain, disposing, type MaybePromise } from '../crypto/maybe-promise.ts'
import { demandNotAborted, KeyfoldError } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { demandBytes, demandUnmoved } from '../wire/bytes.ts'
import type { EncryptionContext } from '../wire/context.ts'
import { parseFooter } from '../wire/footer.ts'
import { type FramesAtHand, measureFrames, plaintextLengthOf } from '../wire/frame.ts'
import { demandEnd, endedEarly } from '../wire/message-end.ts'
import { parseHeader } from '../wire/parse-header.ts'
import { Assembly, join } from './assembly.ts'
import { checkDecryptOptions, type DecryptOptions } from './call-options.ts'
import { runAtHand } from './chunks.ts'
import { expectedContext } from './context.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { tellOpened } from './message-events.ts'
import { type OpenedBy, type OpeningPlan, openedBy, openMaterials, planOpening } from './opening.ts'

/** An opened and verified message. */
export interface Opened<Context = EncryptionContext> {
  /** The caller's own. */
  readonly plaintext: Uint8Array<ArrayBuffer>
  /** The message's context, withheld pairs included and the format's own left out. Without a prototype, frozen. */
  readonly context: Readonly<Context>
  /** The format's number of the algorithm suite. */
  readonly suite: number
  /** Whether the message bore a signature, which then holds. */
  readonly signed: boolean
  readonly openedBy: OpenedBy
}

/**
 * Opens one message, from its first byte to plaintext: parse the header and believe none of it, hold it against policy,
 * limits and expected context, find the data key that verifies it, open the frames, verify the signature. Nothing is
 * given out before all of it holds. `encrypt.ts` reads as its mirror; `decrypt-stream.ts` does the same with a message
 * that comes piece by piece.
 */
export async function decrypt(
  config: EnvelopeConfig,
  bytes: Uint8Array,
  options: DecryptOptions = {},
): Promise<Opened> {
  checkDecryptOptions(options, 'decrypt')
  const caller = config.contexts.check(options.context, options.withheld)
  const message = demandBytes(bytes, 'decrypt')
  demandNotAborted(options.signal)
  const startedAt = startOf(config)

  const plan = planOpening(config, parseHeader(message, config.limits, expectedContext(caller)), caller)
  const parts = takeApart(plan, message)
  const { value: key, provider } = await openMaterials(config, plan, options.signal)
  const opening = openMessage(plan, parts, key)
  const plaintext = opening instanceof Promise ? await opening : opening

  const { suite } = plan.header
  const lengths = { plaintextBytes: plaintext.length, messageBytes: message.length }
  tellOpened(config, provider, { suite, ...lengths, startedAt })
  return {
    plaintext,
    context: plan.context.shown,
    suite: suite.id,
    signed: suite.signature !== undefined,
    openedBy: openedBy(provider),
  }
}

/** What follows a message's header, as it stands there. */
interface MessageParts {
  readonly body: Uint8Array<ArrayBuffer>
  readonly frames: FramesAtHand
  /** Only in a signed message. */
  readonly signed: { readonly bytes: Uint8Array; readonly signature: Uint8Array } | undefined
}

/** Before any key is asked for: a message that is cut or goes on behind its end costs no call. */
function takeApart({ header }: OpeningPlan, message: Uint8Array<ArrayBuffer>): MessageParts {
  const rest = message.subarray(header.length)
  const frames = measureFrames(rest, header.frameLength)
  if (!frames.final) throw endedEarly(message.length)
  const bodyEnd = header.length + frames.length
  const body = frames.length === rest.length ? rest : rest.subarray(0, frames.length)
  if (header.suite.signature === undefined) {
    demandEnd(message.length - bodyEnd)
    return { body, frames, signed: undefined }
  }
  const signature = parseFooter(message.subarray(bodyEnd))
  return { body, frames, signed: { bytes: message.subarray(0, bodyEnd), signature } }
}

function openMessage(plan: OpeningPlan, parts: MessageParts, key: MessageKey): MaybePromise<Uint8Array<ArrayBuffer>> {
  return disposing(key, () =>
    chain(openBody(plan, parts, key), (plaintext) => chain(verify(plan, parts), () => plaintext)),
  )
}

function openBody(
  { header: { frameLength } }: OpeningPlan,
  { body, frames }: MessageParts,
  key: MessageKey,
): MaybePromise<Uint8Array<ArrayBuffer>> {
  demandUnmoved(body, frames.length, 'decrypt')
  const open = frames.count === 1 ? openFrame : openFrames
  return open(key, frameLength, body, plaintextLengthOf(frames, frameLength))
}

function verify({ header, publicKey }: OpeningPlan, { signed }: MessageParts): MaybePromise<void> {
  if (signed === undefined || publicKey === undefined) return undefined
  return engine.verifySignature(header.suite, publicKey, signed.bytes, signed.signature)
}

/** A body of one frame: its plaintext is handed on as it is, where it has its memory to itself. */
function openFrame(
  key: MessageKey,
  frameLength: number,
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
): MaybePromise<Uint8Array<ArrayBuffer>> {
  return chain(key.openFrames({ bytes, frameLength, firstSequenceNumber: 1, final: true }), (pieces) => {
    const { buffer, byteLength } = pieces[0] ?? empty
    const isAlone = pieces.length === 1 && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    return isAlone && byteLength === length ? new Uint8Array(buffer) : join(pieces, length)
  })
}

const empty = new Uint8Array(0)

/** A body of any number of frames, a run of them at a time. */
async function openFrames(
  key: MessageKey,
  frameLength: number,
  body: Uint8Array<ArrayBuffer>,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const plaintext = new Assembly(length)
  const bodyLength = body.length
  let firstSequenceNumber = 1
  for (let at = 0; at < bodyLength; ) {
    const run = runAtHand(body.subarray(at), frameLength, firstSequenceNumber)
    if (run.count === 0) throw changed() // or it would be read for ever
    const bytes = body.subarray(at, at + run.length)
    const opened = key.openFrames({ bytes, frameLength, firstSequenceNumber, final: run.final })
    plaintext.add(opened instanceof Promise ? await opened : opened)
    demandUnmoved(body, bodyLength, 'decrypt')
    firstSequenceNumber += run.count
    at += run.length
  }
  return plaintext.finish()
}

/** Its frames were measured before its key was asked for, and are other ones now. */
function changed(): KeyfoldError {
  return new KeyfoldError('MALFORMED_MESSAGE', 'the message was changed while it was opened')
}
