import { KeyfoldError } from '../errors.ts'
import { commitmentLength, formatSuiteId, ivLength, type Suite, suites, tagLength } from '../suite/table.ts'
import { parseContext, publicKeyName, type SerializedContext } from './context.ts'
import { Cursor } from './cursor.ts'
import {
  contentTypeFramed,
  contentTypeUnframed,
  type EncryptedDataKey,
  type HeaderFields,
  headerIv,
  typeCustomerAuthenticatedEncryptedData,
} from './header.ts'

// The layout of what is read here is drawn in header.ts.

/** A header as read. Its bytes are views on the message; nothing in it is authenticated. */
export interface ParsedHeader extends HeaderFields {
  readonly context: SerializedContext
  /** The bytes that the header's tag authenticates, as they stand in the message. */
  readonly body: Uint8Array
  readonly iv: Uint8Array
  readonly tag: Uint8Array
  /** Length in bytes of the whole header. */
  readonly length: number
}

/** The whole header as it stands in the message, authentication included; a view. */
export function bytesOf({ body, length }: ParsedHeader): Uint8Array {
  return new Uint8Array(body.buffer, body.byteOffset, length)
}

/** Bounds on what a header may claim. */
export interface HeaderLimits {
  readonly maxEncryptedDataKeys: number
  readonly maxHeaderBytes: number
}

/**
 * Reads the header at the start of a message.
 *
 * @param expected see `parseContext`
 * @throws KeyfoldError `MALFORMED_MESSAGE`, `LIMIT_EXCEEDED`
 */
export function parseHeader(bytes: Uint8Array, limits: HeaderLimits, expected?: SerializedContext): ParsedHeader {
  return parse(new Cursor(bytes, limits.maxHeaderBytes), limits, expected)
}

/**
 * Measures the header at the start of a message by its lengths alone, while more of it comes: a header that comes byte by
 * byte is measured on from the last entry that was all there, and parsed once.
 */
export class HeaderMeasure {
  readonly #limits: HeaderLimits
  /** Known once their count is. */
  #entries: EntriesAhead | undefined

  constructor(limits: HeaderLimits) {
    this.#limits = limits
  }

  /**
   * @param bytes the message's, from its start: those of the last time and more
   * @returns length in bytes of the whole header; where these bytes end before it does, how many there must be at least to
   *   measure further
   * @throws KeyfoldError `MALFORMED_MESSAGE`, `LIMIT_EXCEEDED` where they are no header's, whatever comes
   */
  measure(bytes: Uint8Array): number {
    const cursor = new Cursor(bytes, this.#limits.maxHeaderBytes)
    try {
      this.#skipHeader(cursor)
    } catch (error) {
      if (cursor.needed === 0) throw error
      return cursor.needed
    }
    return cursor.offset
  }

  #skipHeader(cursor: Cursor): void {
    this.#entries ??= skipToEntries(cursor, this.#limits)
    const entries = this.#entries
    cursor.offset = entries.offset
    for (; entries.left > 0; entries.left--) {
      for (const field of entryFields) cursor.take(cursor.uint16(field), field)
      entries.offset = cursor.offset
    }
    const { suite } = entries
    parseFrameLength(cursor, suite)
    const authenticationLength = suite.messageVersion === 1 ? ivLength + tagLength : tagLength
    cursor.take((suite.committing ? commitmentLength : 0) + authenticationLength, "the header's tag")
  }
}

/** The entries that were not all there. */
interface EntriesAhead {
  readonly suite: Suite
  /** Where the next one starts. */
  offset: number
  left: number
}

function skipToEntries(cursor: Cursor, limits: HeaderLimits): EntriesAhead {
  const suite = parseVersionAndSuite(cursor)
  cursor.take(suite.messageIdLength, 'the message id')
  cursor.take(cursor.uint16('the encryption context'), 'the encryption context')
  const left = parseEntryCount(cursor, limits.maxEncryptedDataKeys)
  return { suite, offset: cursor.offset, left }
}

function parse(cursor: Cursor, limits: HeaderLimits, expected: SerializedContext | undefined): ParsedHeader {
  const suite = parseVersionAndSuite(cursor)
  const messageId = cursor.take(suite.messageIdLength, 'the message id')
  const context = parseContext(cursor, expected)
  demandKeyGoesWithSignature(suite, context)
  const encryptedDataKeys = parseEncryptedDataKeys(cursor, limits.maxEncryptedDataKeys)
  const frameLength = parseFrameLength(cursor, suite)
  const commitment = suite.committing ? cursor.take(commitmentLength, 'the key commitment') : undefined
  const body = cursor.bytes.subarray(0, cursor.offset)
  const iv = suite.messageVersion === 1 ? cursor.take(ivLength, "the header's iv") : headerIv
  const tag = cursor.take(tagLength, "the header's tag")
  return { suite, messageId, context, encryptedDataKeys, frameLength, commitment, body, iv, tag, length: cursor.offset }
}

function parseVersionAndSuite(cursor: Cursor): Suite {
  const version = cursor.uint8('the version')
  if (version === 0x41 /* A */) cursor.uint8('the version') // which says whether it is base64
  if (version !== 1 && version !== 2) {
    if (isBase64(cursor.bytes)) throw malformed('the bytes look like a message in base64: decode the text first')
    throw malformed(`version ${version}: expected 1 or 2`)
  }
  if (version === 1) {
    const type = cursor.uint8('the message type')
    if (type !== typeCustomerAuthenticatedEncryptedData) throw malformed(`message type ${type}: expected 128`)
  }
  const id = cursor.uint16('the algorithm suite')
  const suite = suites.get(id)
  if (suite?.messageVersion !== version) {
    throw malformed(`algorithm suite ${formatSuiteId(id)}: none of message version ${version}`)
  }
  return suite
}

/**
 * Base64 of a message starts with `AY` (version 1) or `Ag` (version 2); in a file or as JSON, a byte order mark, white space or
 * a quote may come first, which is seen where the next bytes are there too. Source: decrypt.md, "Encrypted Message Format"
 */
function isBase64(bytes: Uint8Array): boolean {
  return /^[\u00ef\u00bb\u00bf\s"']*A[Yg]/.test(String.fromCharCode(...bytes.subarray(0, 16)))
}

const entryFields = ['a provider id', 'a provider info', 'an encrypted data key'] as const

function parseEncryptedDataKeys(cursor: Cursor, most: number): readonly EncryptedDataKey[] {
  const count = parseEntryCount(cursor, most)
  const [idField, infoField, ciphertextField] = entryFields
  const entries: EncryptedDataKey[] = []
  for (let entry = 0; entry < count; entry++) {
    const providerId = cursor.text16(idField)
    const providerInfo = cursor.take(cursor.uint16(infoField), infoField)
    const ciphertext = cursor.take(cursor.uint16(ciphertextField), ciphertextField)
    entries.push({ providerId, providerInfo, ciphertext })
  }
  return entries
}

function parseEntryCount(cursor: Cursor, most: number): number {
  const count = cursor.uint16('the count of encrypted data keys')
  if (count === 0) throw malformed('a message without encrypted data keys')
  if (count > most) {
    throw new KeyfoldError('LIMIT_EXCEEDED', `${count} encrypted data keys: at most ${most} (maxEncryptedDataKeys)`)
  }
  return count
}

function parseFrameLength(cursor: Cursor, suite: Suite): number {
  const contentType = cursor.uint8('the content type')
  if (contentType !== contentTypeFramed && contentType !== contentTypeUnframed) {
    throw malformed(`content type ${contentType}: expected 1 (unframed) or 2 (framed)`)
  }
  if (suite.messageVersion === 1) {
    const reserved = cursor.uint32('the reserved field')
    if (reserved !== 0) throw malformed(`reserved field ${reserved}: expected 0`)
    const length = cursor.uint8('the iv length')
    if (length !== ivLength) throw malformed(`iv length ${length}: expected ${ivLength}`)
  }
  const frameLength = cursor.uint32('the frame length')
  if ((frameLength === 0) !== (contentType === contentTypeUnframed)) {
    throw malformed(`frame length ${frameLength} in ${frameLength === 0 ? 'a framed' : 'an unframed'} message`)
  }
  return frameLength
}

/** Source: cmm-interface.md, "Decrypt Materials" */
function demandKeyGoesWithSignature(suite: Suite, { pairs }: SerializedContext): void {
  const hasKey = publicKeyName in pairs
  if (suite.signature !== undefined && !hasKey) throw malformed('a signed message without its public key')
  if (suite.signature === undefined && hasKey) throw malformed('an unsigned message with a public key')
}

function malformed(message: string): KeyfoldError {
  return new KeyfoldError('MALFORMED_MESSAGE', message)
}
