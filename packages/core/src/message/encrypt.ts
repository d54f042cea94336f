import { engine } from '#engine'
import type { MessageKey, MessageSigner } from '../crypto/engine.ts'
import { KeyfoldError } from '../errors.ts'
import { demandNotAborted } from '../keys/deadline.ts'
import { countRecipients, sealDataKey } from '../keys/keyring.ts'
import { tell } from '../observe.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import { suiteToSeal } from '../suite/policy.ts'
import type { Suite } from '../suite/table.ts'
import { demandBytes, formatBase64 } from '../wire/bytes.ts'
import { formatFooter } from '../wire/footer.ts'
import { countFrames, maxFrames } from '../wire/frame.ts'
import { type EncryptedDataKey, formatHeaderAad, formatHeaderAuthentication, formatHeaderBody } from '../wire/header.ts'
import { type CallerContext, contextToSeal, type MessageContext } from './context.ts'
import { callConditions, checkEncryptOptions, type EncryptOptions, type EnvelopeConfig } from './options.ts'

/**
 * Seals one message, from plaintext to its last byte: check what was asked, gather the materials (a data key and its
 * entries from the keyring, a key to sign with), write and authenticate the header, seal the frames, sign.
 * `decrypt.ts` reads as its mirror.
 */
export async function encrypt(
  config: EnvelopeConfig,
  bytes: Uint8Array,
  options: EncryptOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const plaintext = demandBytes(bytes, 'encrypt')
  const plan = planMessage(config, options)
  demandFrameCount(plaintext.length, plan.frameLength)
  demandEntryCount(config)
  demandNotAborted(options.signal)

  const materials = await sealMaterials(config, plan, options.signal)
  const message = await sealMessage(plan, materials, plaintext)

  const { id: suite, signature } = plan.suite
  tell(config.observe, () => ({
    type: 'message-sealed',
    suite,
    signed: signature !== undefined,
    plaintextBytes: plaintext.length,
    messageBytes: message.length,
  }))
  return message
}

/** What a message is to be, settled before any key is asked for. */
interface MessagePlan {
  readonly suite: Suite
  readonly frameLength: number
  readonly caller: CallerContext
}

function planMessage(config: EnvelopeConfig, options: EncryptOptions): MessagePlan {
  const frameLength = checkEncryptOptions(config, options)
  const suite = suiteToSeal(config.commitmentPolicy, options.suite, options.sign)
  return { suite, frameLength, caller: config.contexts.check(options.context, options.withheld) }
}

function demandFrameCount(plaintextLength: number, frameLength: number): void {
  const count = countFrames(plaintextLength, frameLength)
  if (count <= maxFrames) return
  throw new KeyfoldError(
    'LIMIT_EXCEEDED',
    `${count} frames of ${frameLength} bytes: a message has at most ${maxFrames}`,
  )
}

/** What a message is sealed with. The format's name for it is encryption materials. */
interface SealingMaterials {
  /** Released with the message. */
  readonly dataKey: SecretBytes
  readonly encryptedDataKeys: readonly EncryptedDataKey[]
  readonly context: MessageContext
  readonly signer: MessageSigner | undefined
}

async function sealMaterials(
  config: EnvelopeConfig,
  { suite, caller }: MessagePlan,
  signal: AbortSignal | undefined,
): Promise<SealingMaterials> {
  const signer = suite.signature && (await engine.signer(suite))
  const context = contextToSeal(caller, signer && formatBase64(signer.publicKey))
  const { context: bound, contextBytes } = context.bound
  const request = { length: suite.dataKeyLength, context: bound, contextBytes }
  const { dataKey, entries } = await sealDataKey(config.keyring, request, callConditions(config, signal))
  return { dataKey, encryptedDataKeys: entries, context, signer }
}

function demandEntryCount({ keyring, limits }: EnvelopeConfig): void {
  const count = countRecipients(keyring)
  const most = Math.min(limits.maxEncryptedDataKeys, 0xffff)
  if (count <= most) return
  throw new KeyfoldError('LIMIT_EXCEEDED', `${count} recipients: at most ${most} (maxEncryptedDataKeys)`)
}

/** The one place where a message is put together, and the one header ever made for its data key and message id. */
async function sealMessage(
  { suite, frameLength }: MessagePlan,
  { dataKey, encryptedDataKeys, context, signer }: SealingMaterials,
  plaintext: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const messageId = engine.randomBytes(suite.messageIdLength)
  const key = await deriveMessageKey(suite, dataKey, messageId)
  try {
    const fields = { suite, messageId, encryptedDataKeys, frameLength, commitment: key.commitment }
    const body = formatHeaderBody(fields, context.headerBytes)
    const tag = key.headerTag(formatHeaderAad(body, context.withheldBytes))
    const authentication = formatHeaderAuthentication(suite, tag instanceof Promise ? await tag : tag)
    const frames = key.sealFrames({ bytes: plaintext, frameLength, firstSequenceNumber: 1, final: true })
    const pieces = [body, ...authentication, ...(frames instanceof Promise ? await frames : frames)]
    if (signer !== undefined) pieces.push(formatFooter(await signPieces(signer, pieces)))
    return engine.join(pieces)
  } finally {
    key[Symbol.dispose]()
  }
}

/** The message's own key; the data key is released once it is derived, since nothing after it needs that. */
async function deriveMessageKey(suite: Suite, dataKey: SecretBytes, messageId: Uint8Array): Promise<MessageKey> {
  try {
    return await engine.messageKey(suite, dataKey, messageId)
  } finally {
    dataKey[Symbol.dispose]()
  }
}

async function signPieces(signer: MessageSigner, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  for (const piece of pieces) await signer.update(piece)
  return signer.sign()
}
