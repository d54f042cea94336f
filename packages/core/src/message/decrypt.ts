import { engine } from '#engine'
import { chain, type MaybePromise, type MessageKey } from '../crypto/engine.ts'
import { KeyfoldError } from '../errors.ts'
import { demandNotAborted } from '../keys/deadline.ts'
import { type OpenedDataKey, openDataKey } from '../keys/keyring.ts'
import { tell } from '../observe.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import { demandMayOpen } from '../suite/policy.ts'
import { demandBytes, equalInConstantTime, parseBase64 } from '../wire/bytes.ts'
import { type EncryptionContext, publicKeyName } from '../wire/context.ts'
import { demandEnd, parseFooter } from '../wire/footer.ts'
import { measureFrames } from '../wire/frame.ts'
import { formatHeaderAad, type ParsedHeader, parseHeader } from '../wire/header.ts'
import { type CallerContext, contextToOpen, expectedContext, type OpenedContext } from './context.ts'
import { callConditions, checkDecryptOptions, type DecryptOptions, type EnvelopeConfig } from './options.ts'

/** The provider that opened a message. */
export interface OpenedBy {
  readonly name: string
  readonly providerId: string
  /** False where whoever has a public key could have written the message. */
  readonly authenticatesWriter: boolean
}

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
 * given out before all of it holds. `encrypt.ts` reads as its mirror.
 */
export async function decrypt(
  config: EnvelopeConfig,
  bytes: Uint8Array,
  options: DecryptOptions = {},
): Promise<Opened> {
  checkDecryptOptions(options)
  const caller = config.contexts.check(options.context, options.withheld)
  const message = demandBytes(bytes, 'decrypt')
  demandNotAborted(options.signal)

  const plan = planOpening(config, message, caller)
  const { value: key, provider } = await openMaterials(config, plan, options.signal)
  const plaintext = await openMessage(plan, key)

  const { suite } = plan.header
  const { name, providerId, authenticatesWriter } = provider
  const signed = suite.signature !== undefined
  tell(config.observe, () => {
    const lengths = { plaintextBytes: plaintext.length, messageBytes: message.length }
    return { type: 'message-opened', suite: suite.id, signed, ...lengths, provider: name, providerId }
  })
  return {
    plaintext,
    context: plan.context.shown,
    suite: suite.id,
    signed,
    openedBy: { name, providerId, authenticatesWriter },
  }
}

/** A message taken apart, before any key is asked for. */
interface OpeningPlan {
  readonly header: ParsedHeader
  readonly context: OpenedContext
  /** The frames, as they stand in the message. */
  readonly body: Uint8Array
  /** Only in a signed message. */
  readonly signed: SignedBytes | undefined
}

interface SignedBytes {
  /** Header and body. */
  readonly bytes: Uint8Array
  /** A compressed point, if it is what the header says. */
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

function planOpening(config: EnvelopeConfig, message: Uint8Array, caller: CallerContext): OpeningPlan {
  const header = parseHeader(message, config.limits, expectedContext(caller))
  demandMayOpen(config.commitmentPolicy, header.suite)
  if (header.frameLength > config.limits.maxFrameLength) {
    const limit = `at most ${config.limits.maxFrameLength} (maxFrameLength)`
    throw new KeyfoldError('LIMIT_EXCEEDED', `frame length ${header.frameLength}: ${limit}`)
  }
  const context = contextToOpen(header.context, caller)
  const rest = message.subarray(header.length)
  const { length, final } = measureFrames(rest, header.frameLength)
  if (!final) {
    throw new KeyfoldError(
      'MALFORMED_MESSAGE',
      `the message ends at byte ${message.length}, before its final frame does`,
    )
  }
  return {
    header,
    context,
    body: rest.subarray(0, length),
    signed: planSignature(header, message, header.length + length),
  }
}

function planSignature(
  { suite, context }: ParsedHeader,
  message: Uint8Array,
  bodyEnd: number,
): SignedBytes | undefined {
  if (suite.signature === undefined) {
    demandEnd(message.length - bodyEnd)
    return undefined
  }
  const publicKey = parseBase64(context.pairs[publicKeyName] ?? '')
  if (publicKey === undefined) throw new KeyfoldError('MALFORMED_MESSAGE', "the message's public key is not base64")
  return { bytes: message.subarray(0, bodyEnd), publicKey, signature: parseFooter(message.subarray(bodyEnd)) }
}

/** The message's own key, proved by the header. The format's name for it is decryption materials. */
function openMaterials(
  config: EnvelopeConfig,
  { header, context }: OpeningPlan,
  signal: AbortSignal | undefined,
): Promise<OpenedDataKey<MessageKey>> {
  const aad = formatHeaderAad(header.body, context.withheldBytes)
  const request = {
    entries: header.encryptedDataKeys,
    length: header.suite.dataKeyLength,
    context: context.bound.context,
    contextBytes: context.bound.contextBytes,
    requireAuthenticatedWriter: config.requireAuthenticatedWriter,
    verify: (dataKey: SecretBytes) => verifyHeader(header, aad, dataKey),
  }
  return openDataKey(config.keyring, request, callConditions(config, signal))
}

function verifyHeader(header: ParsedHeader, aad: Uint8Array, dataKey: SecretBytes): MaybePromise<MessageKey> {
  return chain(engine.messageKey(header.suite, dataKey, header.messageId), (key) => {
    const giveUp = (error: unknown): never => {
      key[Symbol.dispose]()
      throw error
    }
    try {
      demandCommitment(header, key)
      const verified = key.verifyHeader(aad, header.iv, header.tag)
      return verified instanceof Promise ? verified.then(() => key, giveUp) : key
    } catch (error) {
      return giveUp(error)
    }
  })
}

/** Without this one ciphertext can be made to open under two keys, to two plaintexts. */
function demandCommitment(header: ParsedHeader, key: MessageKey): void {
  if (header.commitment === undefined) return
  if (key.commitment !== undefined && equalInConstantTime(key.commitment, header.commitment)) return
  throw new KeyfoldError('AUTHENTICATION_FAILED', "the data key is not the one that the message's header commits to")
}

async function openMessage({ header, body, signed }: OpeningPlan, key: MessageKey): Promise<Uint8Array<ArrayBuffer>> {
  const { frameLength } = header
  try {
    const opened = key.openFrames({ bytes: body, frameLength, firstSequenceNumber: 1, final: true })
    const pieces = opened instanceof Promise ? await opened : opened
    if (signed !== undefined) await verifySignature(header, signed)
    return joinOwned(pieces)
  } finally {
    key[Symbol.dispose]()
  }
}

async function verifySignature({ suite }: ParsedHeader, { bytes, publicKey, signature }: SignedBytes): Promise<void> {
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
