import { KeyfoldError } from '../errors.ts'
import { ivLength, type Suite } from '../suite/table.ts'
import { concat } from './bytes.ts'
import { writeBytes, writeUint } from './cursor.ts'
import { utf8Length, writeText16 } from './text.ts'

/*
 * The message header, big-endian. Source: message-header.md, "Structure"
 *
 *     version 1                                    version 2
 *      1  version, 01                               1  version, 02
 *      1  type, 80                                  2  suite
 *      2  suite                                    32  message id
 *     16  message id                                2+ length, encryption context
 *      2+ length, encryption context                2  count of encrypted data keys
 *      2  count of encrypted data keys                  each: 2+ provider id, 2+ provider info, 2+ ciphertext
 *         each: as in version 2                     1  content type
 *      1  content type                              4  frame length
 *      4  reserved, zeros                          32  suite data: the key commitment
 *      1  iv length, 12
 *      4  frame length
 *     --  header authentication                    --  header authentication
 *     12  iv                                       16  tag (its iv is zeros)
 *     16  tag
 */

export const typeCustomerAuthenticatedEncryptedData = 0x80
export const contentTypeUnframed = 1
export const contentTypeFramed = 2

/**
 * A data key sealed under one wrapping key: one per recipient of a message.
 * Source: message-header.md, "Encrypted Data Key Entries"
 */
export interface EncryptedDataKey {
  /** Which kind of provider made the entry, such as `aws-kms`, or a raw key's namespace. */
  readonly providerId: string
  /** Which of that provider's keys. Bytes, not text: a raw AES entry has an iv in it. */
  readonly providerInfo: Uint8Array
  /** The sealed data key. */
  readonly ciphertext: Uint8Array
}

/** An entry in memory of its own: `slice` of a Buffer would share it. */
export function copyOfEntry({ providerId, providerInfo, ciphertext }: EncryptedDataKey): EncryptedDataKey {
  return { providerId, providerInfo: new Uint8Array(providerInfo), ciphertext: new Uint8Array(ciphertext) }
}

/** What the header says before its authentication. */
export interface HeaderFields {
  readonly suite: Suite
  readonly messageId: Uint8Array
  readonly encryptedDataKeys: readonly EncryptedDataKey[]
  /** Length in bytes of every frame but the last; 0 for an unframed body. */
  readonly frameLength: number
  /** The key commitment, in a message of version 2. */
  readonly commitment?: Uint8Array | undefined
}

/**
 * The header up to its authentication.
 *
 * @param contextBytes the context as `formatContext` writes it, without the withheld pairs
 */
export function formatHeaderBody(fields: HeaderFields, contextBytes: Uint8Array): Uint8Array {
  const { suite, messageId, encryptedDataKeys, frameLength } = fields
  const target = new Uint8Array(headerBodyLength(fields, contextBytes))
  let at = writeUint(target, 0, 1, suite.messageVersion)
  if (suite.messageVersion === 1) at = writeUint(target, at, 1, typeCustomerAuthenticatedEncryptedData)
  at = writeUint(target, at, 2, suite.id)
  at = writeBytes(target, at, messageId)
  at = writeBytes16(target, at, contextBytes)
  at = writeUint(target, at, 2, encryptedDataKeys.length)
  for (const entry of encryptedDataKeys) {
    at = writeText16(target, at, entry.providerId)
    at = writeBytes16(target, at, entry.providerInfo)
    at = writeBytes16(target, at, entry.ciphertext)
  }
  at = writeUint(target, at, 1, contentTypeFramed)
  if (suite.messageVersion === 1) at = writeUint(target, at + 4, 1, ivLength) // behind the reserved zeros
  at = writeUint(target, at, 4, frameLength)
  if (fields.commitment !== undefined) writeBytes(target, at, fields.commitment)
  return target
}

function headerBodyLength(
  { suite, messageId, encryptedDataKeys, commitment }: HeaderFields,
  context: Uint8Array,
): number {
  let length = 3 + messageId.length + 2 + context.length + 2 + 1 + 4
  length += suite.messageVersion === 1 ? 1 + 4 + 1 : (commitment?.length ?? 0)
  for (const { providerId, providerInfo, ciphertext } of encryptedDataKeys) {
    length += 6 + utf8Length(providerId) + providerInfo.length + ciphertext.length
  }
  return length
}

function writeBytes16(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  if (bytes.length > 0xffff) throw new KeyfoldError('LIMIT_EXCEEDED', `a field of ${bytes.length} bytes: at most 65535`)
  return writeBytes(target, writeUint(target, offset, 2, bytes.length), bytes)
}

/** What the header's tag authenticates: its bytes, and behind them the withheld pairs, which it does not show. */
export function formatHeaderAad(body: Uint8Array, withheldBytes: Uint8Array): Uint8Array {
  return withheldBytes.length === 0 ? body : concat([body, withheldBytes])
}

/** The header's authentication: version 1 shows its iv, which is zeros in version 2. */
export function formatHeaderAuthentication(suite: Suite, tag: Uint8Array): readonly Uint8Array[] {
  return suite.messageVersion === 1 ? [headerIv, tag] : [tag]
}

/** The iv of every header that is written here. Never change it in place. */
export const headerIv: Uint8Array = new Uint8Array(ivLength)
