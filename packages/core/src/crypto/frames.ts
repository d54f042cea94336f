import { Cursor } from '../wire/cursor.ts'
import { formatBodyAad, formatFrameHead, frameIv, parseFrame } from '../wire/frame.ts'
import type { FrameRun, MaybePromise } from './engine.ts'

/** AES-GCM on whole inputs, under one key: what a library offers, and all that frames need. */
export interface OneShotAead {
  /** @returns ciphertext and tag, in one piece or two */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): MaybePromise<readonly Uint8Array[]>
  /** @throws KeyfoldError `AUTHENTICATION_FAILED`, and gives no byte, where the tag does not hold */
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): MaybePromise<Uint8Array>
}

/** `MessageKey.sealFrames` for an engine that has an AEAD. */
export async function sealFrames(aead: OneShotAead, messageId: Uint8Array, run: FrameRun): Promise<readonly Uint8Array[]> {
  const { bytes, frameLength, final } = run
  const pieces: Uint8Array[] = []
  let sequenceNumber = run.firstSequenceNumber
  let offset = 0
  while (offset < bytes.length || (final && pieces.length === 0)) {
    const end = Math.min(offset + frameLength, bytes.length)
    const isFinal = final && end === bytes.length
    const plaintext = bytes.subarray(offset, end)
    const iv = frameIv(sequenceNumber)
    const aad = formatBodyAad(messageId, isFinal ? 'final' : 'regular', sequenceNumber, plaintext.length)
    const sealed = aead.seal(iv, aad, plaintext)
    pieces.push(formatFrameHead(isFinal, sequenceNumber, iv, plaintext.length))
    pieces.push(...(sealed instanceof Promise ? await sealed : sealed))
    sequenceNumber += 1
    offset = end
  }
  return pieces
}

/** `MessageKey.openFrames` for an engine that has an AEAD. */
export async function openFrames(aead: OneShotAead, messageId: Uint8Array, run: FrameRun): Promise<readonly Uint8Array[]> {
  const cursor = new Cursor(run.bytes)
  const pieces: Uint8Array[] = []
  let sequenceNumber = run.firstSequenceNumber
  while (cursor.offset < run.bytes.length) {
    const frame = parseFrame(cursor, run.frameLength, sequenceNumber)
    const aad = formatBodyAad(messageId, frame.kind, sequenceNumber, frame.content.length)
    const opened = aead.open(frame.iv, aad, frame.content, frame.tag)
    pieces.push(opened instanceof Promise ? await opened : opened)
    sequenceNumber += 1
  }
  return pieces
}
