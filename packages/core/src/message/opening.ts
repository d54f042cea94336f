import { engine } from '#engine'
import type { MessageKey } from '../crypto/engine.ts'
import { chain, disposingOnFailure, type MaybePromise } from '../crypto/maybe-promise.ts'
import type { Loaded, Materials } from '../data-key-cache/materials.ts'
import type { Partition } from '../data-key-cache/partition.ts'
import { KeyfoldError } from '../errors.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { type OpenedDataKey, openDataKey } from '../keys/open-data-key.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import { demandMayOpen } from '../suite/policy.ts'
import { equalInConstantTime, movedAway, parseBase64 } from '../wire/bytes.ts'
import { type EncryptionContext, publicKeyName } from '../wire/context.ts'
import { formatHeaderAad } from '../wire/header.ts'
import { describeHeader, type MessageHeader } from '../wire/inspect.ts'
import { bytesOf, type ParsedHeader, parseHeader } from '../wire/parse-header.ts'
import { openingKey } from './cache-key.ts'
import { takeTold } from './cached.ts'
import { type CallerContext, contextToOpen, type OpenedContext } from './context.ts'
import { callConditions, type EnvelopeConfig } from './envelope-options.ts'

/*
 * What opening does before the first frame, whether the message is there whole, comes piece by piece or is read here and
 * there: hold the header against policy, limits and expected context, and find the data key that verifies it.
 */

/** The provider that opened a message. */
export interface OpenedBy {
  readonly name: string
  readonly providerId: string
  /** False where whoever has a public key could have written the message. */
  readonly authenticatesWriter: boolean
}

/** A header that may be opened, before any key is asked for. */
export interface OpeningPlan {
  readonly header: ParsedHeader
  readonly context: OpenedContext
  /** What verifies the signature: a compressed point, if it is what the header says. Only in a signed message. */
  readonly publicKey: Uint8Array | undefined
}

/** @throws KeyfoldError `POLICY_VIOLATION`, `LIMIT_EXCEEDED`, `CONTEXT_MISMATCH`, `MALFORMED_MESSAGE` */
export function planOpening(config: EnvelopeConfig, header: ParsedHeader, caller: CallerContext): OpeningPlan {
  demandMayOpen(config.commitmentPolicy, header.suite)
  if (header.frameLength > config.limits.maxFrameLength) {
    const limit = `at most ${config.limits.maxFrameLength} (maxFrameLength)`
    throw new KeyfoldError('LIMIT_EXCEEDED', `frame length ${header.frameLength}: ${limit}`)
  }
  return { header, context: contextToOpen(header.context, caller), publicKey: publicKeyOf(header) }
}

function publicKeyOf({ suite, context }: ParsedHeader): Uint8Array | undefined {
  if (suite.signature === undefined) return undefined
  const publicKey = parseBase64(context.pairs[publicKeyName] ?? '')
  if (publicKey === undefined) throw new KeyfoldError('MALFORMED_MESSAGE', "the message's public key is not base64")
  return publicKey
}

/**
 * The message's own key, proved by the header; the caller disposes of it. The format's name for it is decryption
 * materials.
 */
export function openMaterials(
  config: EnvelopeConfig,
  plan: OpeningPlan,
  signal: AbortSignal | undefined,
): Promise<OpenedDataKey<MessageKey>> {
  const { cache } = config
  // Without key derivation no data key seals two messages, so that none is worth keeping.
  if (cache === undefined || plan.header.suite.kdfHash === undefined) {
    return askKeyring(config, plan, proverOf(plan), signal)
  }
  return openCached(config, cache, plan, signal)
}

/** Tries data keys on the header. */
function proverOf({ header, context }: OpeningPlan): (dataKey: SecretBytes) => MaybePromise<MessageKey> {
  const aad = formatHeaderAad(header.body, context.withheldBytes)
  return (dataKey) => verifyHeader(header, aad, dataKey)
}

function askKeyring<T extends Disposable>(
  config: EnvelopeConfig,
  { header, context }: OpeningPlan,
  verify: (dataKey: SecretBytes) => MaybePromise<T>,
  signal: AbortSignal | undefined,
): Promise<OpenedDataKey<T>> {
  const request = {
    entries: header.encryptedDataKeys,
    length: header.suite.dataKeyLength,
    context: context.bound.context,
    contextBytes: context.bound.contextBytes,
    requireAuthenticatedWriter: config.requireAuthenticatedWriter,
    mayHedge: header.suite.committing,
    verify,
  }
  return openDataKey(config.keyring, request, callConditions(config, signal))
}

/** A cached data key is no more believed than one that a provider gives: this message's own header verifies it. */
async function openCached(
  config: EnvelopeConfig,
  cache: Partition,
  plan: OpeningPlan,
  signal: AbortSignal | undefined,
): Promise<OpenedDataKey<MessageKey>> {
  const { header, context } = plan
  const { contextBytes } = context.bound
  const { dataKey, provider } = await takeTold(config, cache, {
    key: openingKey(header.suite.id, contextBytes, header.encryptedDataKeys, config.requireAuthenticatedWriter),
    direction: 'open',
    bytes: 0,
    signal,
    clock: config.clock,
    load: (loadSignal) => loadDataKey(config, detached(plan, config), loadSignal),
  })
  try {
    return { value: await proverOf(plan)(dataKey), provider }
  } finally {
    dataKey[Symbol.dispose]()
  }
}

/**
 * The plan in memory of its own. A load may outlast the call that started it, which has then left or was served from the
 * cache, and whose bytes are the caller's again: another message may lie there by now, and its data key would be kept as
 * this one's.
 */
function detached({ header, context, publicKey }: OpeningPlan, { limits }: EnvelopeConfig): OpeningPlan {
  const bound = { ...context.bound, contextBytes: context.bound.contextBytes.slice() }
  return { header: parseHeader(bytesOf(header).slice(), limits), context: { ...context, bound }, publicKey }
}

/** What messages with the same entries may share. */
interface LoadedDataKey extends Materials {
  readonly provider: KeyProvider
}

async function loadDataKey(
  config: EnvelopeConfig,
  plan: OpeningPlan,
  signal: AbortSignal,
): Promise<Loaded<LoadedDataKey>> {
  const verify = proverOf(plan)
  const keep = (proved: SecretBytes): MaybePromise<SecretBytes> =>
    chain(verify(proved), (key) => {
      key[Symbol.dispose]()
      return proved.retain()
    })
  const { value: dataKey, provider } = await askKeyring(config, plan, keep, signal)
  return { materials: { dataKey, provider }, keep: config.cache !== undefined } // not once the envelope is closed
}

function verifyHeader(header: ParsedHeader, aad: Uint8Array, dataKey: SecretBytes): MaybePromise<MessageKey> {
  if (header.body.length === 0) throw movedAway('decrypt') // while the key was asked for, or it would be no header
  return chain(engine.messageKey(header.suite, dataKey, header.messageId), (key) =>
    disposingOnFailure(key, () => {
      demandCommitment(header, key)
      return chain(key.verifyHeader(aad, header.iv, header.tag), () => key)
    }),
  )
}

/** Without this one ciphertext can be made to open under two keys, to two plaintexts. */
function demandCommitment(header: ParsedHeader, key: MessageKey): void {
  if (header.commitment === undefined) return
  if (key.commitment !== undefined && equalInConstantTime(key.commitment, header.commitment)) return
  throw new KeyfoldError('AUTHENTICATION_FAILED', "the data key is not the one that the message's header commits to")
}

/** A verified header, as a stream's or a range's reader is told it before the plaintext. */
export interface OpenedHeader<Context = EncryptionContext> extends MessageHeader {
  /** The message's context, withheld pairs included and the format's own left out. Without a prototype, frozen. */
  readonly context: Readonly<Context> & EncryptionContext
  /** Names of the context that the header does not show. */
  readonly withheld: readonly string[]
  readonly openedBy: OpenedBy
}

export function describeOpened({ header, context }: OpeningPlan, provider: KeyProvider): OpenedHeader {
  const withheld = Object.keys(context.shown).filter((name) => !(name in header.context.pairs))
  return { ...describeHeader(header), context: context.shown, withheld, openedBy: openedBy(provider) }
}

/** How a result names the provider that opened the message. */
export function openedBy({ name, providerId, authenticatesWriter }: KeyProvider): OpenedBy {
  return { name, providerId, authenticatesWriter }
}
