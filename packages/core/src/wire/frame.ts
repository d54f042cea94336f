import { KeyfoldError } from '../errors.ts'
import { ivLength, tagLength } from '../suite/table.ts'
import { type Cursor, readUint32, writeBytes, writeUint } from './cursor.ts'

/*
 * The message body. Source: message-body.md
 *
 *     a regular frame            the final frame                     an unframed body
 *      4  sequence number         4  ff ff ff ff                     12  iv
 *     12  iv                      4  sequence number                  8  content length
 *      …  frame length bytes     12  iv                               …  content
 *     16  tag                     4  content length                  16  tag
 *                                 …  content, at most the frame length
 *                                16  tag
 */

const finalMark = 0xffff_ffff
const regularHeadLength = 4 + ivLength
const finalHeadLength = 4 + 4 + ivLength + 4
const unframedHeadLength = ivLength + 8

/** Sequence numbers have four bytes, of which one value marks the final frame. Source: message-body.md, "Framed Data" */
export const maxFrames = 0xffff_ffff

/** AES-GCM's limit on one plaintext. Source: message-body.md, "Encrypted Content Length" */
const maxUnframedLength = 2 ** 36 - 32

/** What a piece of a body is; each kind is authenticated under a text of its own. */
export type FrameKind = 'regular' | 'final' | 'unframed'

/** Source: message-body-aad.md, "Body AAD Content" */
const aadContent: Readonly<Record<FrameKind, Uint8Array>> = {
  regular: new TextEncoder().encode('AWSKMSEncryptionClient Frame'),
  final: new TextEncoder().encode('AWSKMSEncryptionClient Final Frame'),
  unframed: new TextEncoder().encode('AWSKMSEncryptionClient Single Block'),
}

/** A frame as read; its bytes are views on the message, and nothing in it is authenticated. */
export interface ParsedFrame {
  readonly kind: FrameKind
  readonly sequenceNumber: number
  readonly iv: Uint8Array
  readonly content: Uint8Array
  readonly tag: Uint8Array
}

/**
 * What stands in front of a frame's content. A frame's iv is its sequence number: the header's is zero, so that none
 * repeats under the message's key.
 */
export function formatFrameHead(final: boolean, sequenceNumber: number, contentLength: number): Uint8Array {
  const head = new Uint8Array(final ? finalHeadLength : regularHeadLength)
  let at = final ? writeUint(head, 0, 4, finalMark) : 0
  at = writeUint(head, at, 4, sequenceNumber)
  at = writeUint(head, at + ivLength - 4, 4, sequenceNumber)
  if (final) writeUint(head, at, 4, contentLength)
  return head
}

/** The iv in a frame's head, as a view. */
export function ivOf(head: Uint8Array): Uint8Array {
  const start = head.length === finalHeadLength ? 8 : 4
  return head.subarray(start, start + ivLength)
}

/** Length in bytes of the longest body AAD, which is that of an unframed body of version 2. */
export const maxBodyAadLength: number = 32 + aadContent.unframed.length + 4 + 8

/**
 * What is authenticated with a frame's content: message id · text of the kind · 4 sequence number · 8 content length.
 * Source: message-body-aad.md, "Structure"
 *
 * @param target has room for it
 * @returns length in bytes
 */
export function writeBodyAad(
  target: Uint8Array,
  messageId: Uint8Array,
  kind: FrameKind,
  sequenceNumber: number,
  contentLength: number,
): number {
  let at = writeBytes(target, 0, messageId)
  at = writeBytes(target, at, aadContent[kind])
  at = writeUint(target, at, 4, sequenceNumber)
  return writeUint(target, at, 8, contentLength)
}

/** How many bytes `plaintextLength` bytes take up in a framed body. */
export function framedLength(plaintextLength: number, frameLength: number): number {
  const regularFrames = countFrames(plaintextLength, frameLength) - 1
  return plaintextLength + regularFrames * regularLength(0) + finalLength(0)
}

/** How many bytes of plaintext whole frames hold, of which the last is the final one (or the unframed body). */
export function plaintextLengthOf({ length, count }: FramesAtHand, frameLength: number): number {
  if (frameLength === 0) return length - unframedLength(0)
  return length - (count - 1) * regularLength(0) - finalLength(0)
}

/** How many frames hold `plaintextLength` bytes: the final one is full where they fill whole frames, and empty only alone. */
export function countFrames(plaintextLength: number, frameLength: number): number {
  return Math.max(1, Math.ceil(plaintextLength / frameLength))
}

/** Whole frames at the start of some bytes. */
export interface FramesAtHand {
  /** Length in bytes of the whole frames. */
  readonly length: number
  readonly count: number
  /** Whether the last of them is the final frame (or the unframed body), so that the body ends there. */
  readonly final: boolean
  /** How many bytes behind them there must be at least, to read on; 0 where the body ends. */
  readonly due: number
}

/**
 * Measures the whole frames at the start of `bytes`, which is a body's, by their lengths and numbers alone.
 *
 * @param frameLength the header's, 0 for an unframed body
 * @param firstSequenceNumber the one that is due first
 * @throws KeyfoldError `MALFORMED_MESSAGE` for a final frame longer than the frame length, or a frame out of order
 */
export function measureFrames(bytes: Uint8Array, frameLength: number, firstSequenceNumber = 1): FramesAtHand {
  if (frameLength === 0) return measureUnframed(bytes)
  let length = 0
  let count = 0
  for (;;) {
    const final = startsFinalFrame(bytes, length)
    const due = final === undefined ? 4 : final ? finalDue(bytes, length, frameLength) : regularLength(frameLength)
    if (length + due > bytes.length) return { length, count, final: false, due }
    demandInOrder(readUint32(bytes, final ? length + 4 : length), firstSequenceNumber + count)
    length += due
    count += 1
    if (final) return { length, count, final, due: 0 }
  }
}

function startsFinalFrame(bytes: Uint8Array, offset: number): boolean | undefined {
  return offset + 4 > bytes.length ? undefined : readUint32(bytes, offset) === finalMark
}

/** Length in bytes of a regular frame in the message. */
export function regularLength(frameLength: number): number {
  return regularHeadLength + frameLength + tagLength
}

/** Length in bytes of the final frame in the message. */
export function finalLength(contentLength: number): number {
  return finalHeadLength + contentLength + tagLength
}

/** Length in bytes of an unframed body in the message. */
export function unframedLength(contentLength: number): number {
  return unframedHeadLength + contentLength + tagLength
}

/** The final frame's length, or its head's where that is not all there. */
function finalDue(bytes: Uint8Array, offset: number, frameLength: number): number {
  if (offset + finalHeadLength > bytes.length) return finalHeadLength
  const contentLength = readUint32(bytes, offset + finalHeadLength - 4)
  demandFits(contentLength, frameLength)
  return finalLength(contentLength)
}

function measureUnframed(bytes: Uint8Array): FramesAtHand {
  const none = { length: 0, count: 0, final: false }
  if (bytes.length < unframedHeadLength) return { ...none, due: unframedHeadLength }
  const contentLength = readUint32(bytes, ivLength) * 2 ** 32 + readUint32(bytes, ivLength + 4)
  demandFits(contentLength, maxUnframedLength)
  const length = unframedLength(contentLength)
  return length > bytes.length ? { ...none, due: length } : { length, count: 1, final: true, due: 0 }
}

/**
 * Reads one frame, or the unframed body.
 *
 * @param cursor stands at its first byte, and behind its last afterwards
 * @param sequenceNumber the one that is due
 * @throws KeyfoldError `MALFORMED_MESSAGE` where the frame has another number, is too long or not all there
 */
export function parseFrame(cursor: Cursor, frameLength: number, sequenceNumber: number): ParsedFrame {
  if (frameLength === 0) return parseUnframed(cursor)
  const final = startsFinalFrame(cursor.bytes, cursor.offset) === true
  if (final) cursor.offset += 4
  const number = cursor.uint32('a sequence number')
  demandInOrder(number, sequenceNumber)
  const iv = cursor.take(ivLength, 'an iv')
  const contentLength = final ? cursor.uint32('the content length') : frameLength
  demandFits(contentLength, frameLength)
  const content = cursor.take(contentLength, 'a frame')
  return { kind: final ? 'final' : 'regular', sequenceNumber, iv, content, tag: cursor.take(tagLength, 'a tag') }
}

function parseUnframed(cursor: Cursor): ParsedFrame {
  const iv = cursor.take(ivLength, 'an iv')
  const contentLength = cursor.uint64('the content length')
  demandFits(contentLength, maxUnframedLength)
  const content = cursor.take(contentLength, 'the unframed body')
  return { kind: 'unframed', sequenceNumber: 1, iv, content, tag: cursor.take(tagLength, 'a tag') }
}

function demandInOrder(number: number, due: number): void {
  if (number !== due) throw new KeyfoldError('MALFORMED_MESSAGE', `frame ${number} where frame ${due} is due`)
}

function demandFits(contentLength: number, most: number): void {
  if (contentLength > most) {
    throw new KeyfoldError('MALFORMED_MESSAGE', `content length ${contentLength}: at most ${most}`)
  }
}
