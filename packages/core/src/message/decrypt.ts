import { engine } from '#engine'
import type { MaybePromise, MessageKey } from '../crypto/engine.ts'
import { demandNotAborted } from '../errors.ts'
import { startOf } from '../keys/provider-call.ts'
import { demandBytes } from '../wire/bytes.ts'
import type { EncryptionContext } from '../wire/context.ts'
import { parseFooter } from '../wire/footer.ts'
import { measureFrames } from '../wire/frame.ts'
import { type ParsedHeader, parseHeader } from '../wire/header.ts'
import { demandEnd, endedEarly } from '../wire/message-end.ts'
import { checkDecryptOptions, type DecryptOptions } from './call-options.ts'
import { chunksOf, isShort, runLength } from './chunks.ts'
import { expectedContext } from './context.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { type OpenedBy, type OpeningPlan, openedBy, openMaterials, planOpening, tellOpened } from './opening.ts'

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
  const plaintext = await openMessage(plan, parts, key)

  tellOpened(config, plan, provider, { plaintextBytes: plaintext.length, messageBytes: message.length }, startedAt)
  const { suite } = plan.header
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
  readonly body: Uint8Array
  /** Only in a signed message. */
  readonly signed: { readonly bytes: Uint8Array; readonly signature: Uint8Array } | undefined
}

/** Before any key is asked for: a message that is cut or goes on behind its end costs no call. */
function takeApart({ header }: OpeningPlan, message: Uint8Array): MessageParts {
  const rest = message.subarray(header.length)
  const { length, final } = measureFrames(rest, header.frameLength)
  if (!final) throw endedEarly(message.length)
  const bodyEnd = header.length + length
  const body = rest.subarray(0, length)
  if (header.suite.signature === undefined) {
    demandEnd(message.length - bodyEnd)
    return { body, signed: undefined }
  }
  return { body, signed: { bytes: message.subarray(0, bodyEnd), signature: parseFooter(message.subarray(bodyEnd)) } }
}

async function openMessage(
  { header, publicKey }: OpeningPlan,
  { body, signed }: MessageParts,
  key: MessageKey,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const opened = openFrames(key, header.frameLength, body)
    const pieces = opened instanceof Promise ? await opened : opened
    if (signed !== undefined && publicKey !== undefined) await verifySignature(header, publicKey, signed)
    return joinOwned(pieces)
  } finally {
    key[Symbol.dispose]()
  }
}

function openFrames(key: MessageKey, frameLength: number, body: Uint8Array): MaybePromise<readonly Uint8Array[]> {
  if (isShort(frameLength) && body.length > runLength) return openShortFrames(key, frameLength, body)
  return key.openFrames({ bytes: body, frameLength, firstSequenceNumber: 1, final: true })
}

async function openShortFrames(key: MessageKey, frameLength: number, body: Uint8Array): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = []
  let opened = 0
  for (let at = 0; at < body.length; ) {
    const firstSequenceNumber = opened + 1
    const { length, count, final } = measureFrames(body.subarray(at, at + runLength), frameLength, firstSequenceNumber)
    const bytes = body.subarray(at, at + length)
    pieces.push(...chunksOf(await key.openFrames({ bytes, frameLength, firstSequenceNumber, final })))
    opened += count
    at += length
  }
  return pieces
}

async function verifySignature(
  { suite }: ParsedHeader,
  publicKey: Uint8Array,
  { bytes, signature }: { readonly bytes: Uint8Array; readonly signature: Uint8Array },
): Promise<void> {
  const verifier = await engine.verifier(suite, publicKey)
  await verifier.update(bytes)
  await verifier.verify(signature)
}

/** The pieces as one array of the caller's own; a single one that has its memory to itself is handed on as it is. */
function joinOwned(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = pieces
  if (only === undefined || pieces.length > 1) return engine.join(pieces)
  const { buffer, byteLength } = only
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  return isAlone ? new Uint8Array(buffer) : engine.join(pieces)
}
