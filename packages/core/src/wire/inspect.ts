import { demandBytes } from './bytes.ts'
import { type EncryptionContext, publicKeyName, withoutReserved } from './context.ts'
import { copyOfEntry, type EncryptedDataKey } from './header.ts'
import { type ParsedHeader, parseHeader } from './parse-header.ts'

/** What stands in a message's header. */
export interface MessageHeader {
  readonly version: 1 | 2
  /** The format's number of the algorithm suite, such as 0x0478. */
  readonly suite: number
  /** The suite's name. */
  readonly suiteName: string
  /** Whether a signature follows the body. */
  readonly signed: boolean
  /** Whether the message commits to its data key. */
  readonly committing: boolean
  /** 16 bytes in version 1, 32 in version 2. */
  readonly messageId: Uint8Array
  /** Without a prototype, frozen, and without the format's own pairs. */
  readonly context: EncryptionContext
  /** The key that verifies the signature, as the header has it (base64 of a compressed point); only in a signed message. */
  readonly publicKey?: string
  readonly encryptedDataKeys: readonly EncryptedDataKey[]
  /** Length in bytes of every frame but the last; 0 for an unframed body. */
  readonly frameLength: number
  /** Length in bytes of the whole header. */
  readonly headerLength: number
}

/** What a message's header claims. Nothing of it was authenticated: show it, do not act on it. */
export interface UnverifiedHeader extends MessageHeader {}

/** Headers of any number of data keys are shown, but no more than this is read. */
const maxHeaderBytes = 2 ** 20

/**
 * Reads a message's header, and nothing behind it: the start of a message is enough. The result shares no memory with
 * the message.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`, `MALFORMED_MESSAGE`, `LIMIT_EXCEEDED` for a header over 1 MiB
 *
 * @example
 * ```ts
 * import { createEnvelope, inspect, rawAes } from '@keyfold/core'
 *
 * const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
 * const sealed = await createEnvelope({ keys }).encrypt(new Uint8Array(10), { context: { tenant: 't-42' } })
 * const header = inspect(sealed)
 * console.log(header.version, header.suite.toString(16), header.context['tenant']) // 2 478 t-42
 * ```
 */
export function inspect(bytes: Uint8Array): UnverifiedHeader {
  return describeHeader(
    parseHeader(demandBytes(bytes, 'inspect'), { maxEncryptedDataKeys: Number.POSITIVE_INFINITY, maxHeaderBytes }),
  )
}

/** A header as its reader is shown it; shares no memory with the message. */
export function describeHeader(header: ParsedHeader): MessageHeader {
  const publicKey = header.context.pairs[publicKeyName]
  return {
    version: header.suite.messageVersion,
    suite: header.suite.id,
    suiteName: header.suite.name,
    signed: header.suite.signature !== undefined,
    committing: header.suite.committing,
    messageId: header.messageId.slice(),
    context: withoutReserved(header.context.pairs),
    ...(publicKey === undefined ? {} : { publicKey }),
    encryptedDataKeys: header.encryptedDataKeys.map(copyOfEntry),
    frameLength: header.frameLength,
    headerLength: header.length,
  }
}
