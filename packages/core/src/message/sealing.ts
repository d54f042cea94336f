import { engine } from '#engine'
import type { MessageKey, SigningKey } from '../crypto/engine.ts'
import { chain, disposing, disposingOnFailure, type MaybePromise } from '../crypto/maybe-promise.ts'
import { KeyfoldError } from '../errors.ts'
import type { KeyContext } from '../keys/key-provider.ts'
import { countRecipients } from '../keys/keyring.ts'
import { sealDataKey } from '../keys/seal-data-key.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import { suiteToSeal } from '../suite/policy.ts'
import type { Suite } from '../suite/table.ts'
import { formatBase64 } from '../wire/bytes.ts'
import { maxFrames } from '../wire/frame.ts'
import {
  copyOfEntry,
  type EncryptedDataKey,
  formatHeaderAad,
  formatHeaderAuthentication,
  formatHeaderBody,
} from '../wire/header.ts'
import { sealingKey } from './cache-key.ts'
import { takeTold } from './cached.ts'
import { checkEncryptOptions, type EncryptOptions } from './call-options.ts'
import { type CallerContext, contextToBind, contextToSeal, type MessageContext } from './context.ts'
import { callConditions, type EnvelopeConfig } from './envelope-options.ts'

/*
 * What sealing does before its first frame, whether the plaintext is there whole or comes piece by piece: settle what was
 * asked, gather the materials (a data key and its entries from the keyring, a key to sign with), make the header.
 */

/** What a message is to be, settled before any key is asked for. */
export interface MessagePlan {
  readonly suite: Suite
  readonly frameLength: number
  readonly caller: CallerContext
}

/** @throws KeyfoldError `INVALID_ARGUMENT`, `POLICY_VIOLATION`, `LIMIT_EXCEEDED` */
export function planMessage(
  config: EnvelopeConfig,
  options: EncryptOptions,
  call: 'encrypt' | 'encryptStream',
): MessagePlan {
  const { suite, frameLength } = planForm(config, options, call)
  return { suite, frameLength, caller: config.contexts.check(options.context, options.withheld) }
}

/** All of the plan but the context. @throws KeyfoldError as `planMessage` */
export function planForm(
  config: EnvelopeConfig,
  options: EncryptOptions,
  call: 'encrypt' | 'encryptStream',
): Omit<MessagePlan, 'caller'> {
  const frameLength = checkEncryptOptions(config, options, call)
  const suite = suiteToSeal(config.commitmentPolicy, options.suite, options.sign)
  demandEntryCount(config)
  return { suite, frameLength }
}

function demandEntryCount({ keyring, limits }: EnvelopeConfig): void {
  const count = countRecipients(keyring)
  const most = Math.min(limits.maxEncryptedDataKeys, 0xffff)
  if (count <= most) return
  throw new KeyfoldError('LIMIT_EXCEEDED', `${count} recipients: at most ${most} (maxEncryptedDataKeys)`)
}

/** @throws KeyfoldError `LIMIT_EXCEEDED` */
export function demandFrameCount(count: number, frameLength: number): void {
  if (count <= maxFrames) return
  throw new KeyfoldError(
    'LIMIT_EXCEEDED',
    `${count} frames of ${frameLength} bytes: a message has at most ${maxFrames}`,
  )
}

/** What a message is sealed with. The format's name for it is encryption materials. */
export interface SealingMaterials {
  /** Released once the message's own key is derived. */
  readonly dataKey: SecretBytes
  readonly encryptedDataKeys: readonly EncryptedDataKey[]
  readonly context: MessageContext
  /** Only of a signed message. */
  readonly signingKey: SigningKey | undefined
}

/** @param plaintextBytes what is to be sealed; undefined where that is not known, and no cached data key may serve it */
export function sealMaterials(
  config: EnvelopeConfig,
  plan: MessagePlan,
  plaintextBytes: number | undefined,
  signal: AbortSignal | undefined,
): MaybePromise<SealingMaterials> {
  const loading = takeCached(config, plan, plaintextBytes, signal) ?? loadDataKey(config, plan, signal)
  return chain(loading, ({ dataKey, encryptedDataKeys, signingKey, bound }) => {
    return { dataKey, encryptedDataKeys, context: contextToSeal(bound, plan.caller), signingKey }
  })
}

/** What messages of one context, recipients and suite may share. */
interface LoadedDataKey extends Omit<SealingMaterials, 'context'> {
  /** Whether every recipient that can have an entry has one. */
  readonly complete: boolean
  /** What the data key is bound to: in a signed message, the signing key's public half as well. */
  readonly bound: KeyContext
}

/** @returns undefined where the message is to have a data key of its own */
function takeCached(
  config: EnvelopeConfig,
  plan: MessagePlan,
  plaintextBytes: number | undefined,
  signal: AbortSignal | undefined,
): MaybePromise<LoadedDataKey> | undefined {
  const { suite, caller } = plan
  // Without key derivation, a data key that is used twice repeats ivs.
  if (config.cache === undefined || plaintextBytes === undefined || suite.kdfHash === undefined) return undefined
  return takeTold(config, config.cache, {
    key: sealingKey(suite.id, caller.bytes),
    direction: 'seal',
    bytes: plaintextBytes,
    signal,
    clock: config.clock,
    load: async (loadSignal) => {
      const loaded = await loadDataKey(config, plan, loadSignal)
      // They are written into messages long after their provider may have used the memory again.
      const encryptedDataKeys = loaded.encryptedDataKeys.map(copyOfEntry)
      return { materials: { ...loaded, encryptedDataKeys }, keep: loaded.complete && config.cache !== undefined }
    },
  })
}

function loadDataKey(
  config: EnvelopeConfig,
  { suite, caller }: MessagePlan,
  signal: AbortSignal | undefined,
): MaybePromise<LoadedDataKey> {
  return chain(suite.signature && engine.signingKey(suite), (signingKey) => {
    const bound = contextToBind(caller, signingKey && formatBase64(signingKey.publicKey))
    const request = { length: suite.dataKeyLength, ...bound }
    const sealing = sealDataKey(config.keyring, request, callConditions(config, signal))
    return sealing.then(({ dataKey, entries, complete }) => {
      return { dataKey, encryptedDataKeys: entries, complete, signingKey, bound }
    })
  })
}

/** A message of which the header is made and nothing else. */
export interface StartedMessage {
  /** The caller disposes of it. */
  readonly key: MessageKey
  /** The header, in pieces. */
  readonly header: readonly Uint8Array[]
}

/** The one place where a header is made, and the one header ever made for its data key and message id. */
export function startMessage(
  { suite, frameLength }: MessagePlan,
  { dataKey, encryptedDataKeys, context }: SealingMaterials,
): MaybePromise<StartedMessage> {
  // The data key is released once the message's own is derived, since nothing after it needs that.
  const deriving = disposing(dataKey, () => {
    const messageId = engine.randomBytes(suite.messageIdLength)
    return chain(engine.messageKey(suite, dataKey, messageId), (key) => ({ key, messageId }))
  })
  return chain(deriving, ({ key, messageId }) =>
    disposingOnFailure(key, () => {
      const fields = { suite, messageId, encryptedDataKeys, frameLength, commitment: key.commitment }
      const body = formatHeaderBody(fields, context.headerBytes)
      const tag = key.headerTag(formatHeaderAad(body, context.withheldBytes))
      return chain(tag, (made) => ({ key, header: [body, ...formatHeaderAuthentication(suite, made)] }))
    }),
  )
}
