import { Cursor } from '../wire/cursor.ts'
import { formatBodyAad, formatFrameHead, frameIv, parseFrame } from '../wire/frame.ts'
import type { FrameRun, MaybePromise } from './engine.ts'

/** AES-GCM on whole inputs, under one key: what a library offers, and all that frames need. */
export interface OneShotAead {
  /** Reads its inputs before it returns. @returns ciphertext and tag, in one piece or two */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): MaybePromise<readonly Uint8Array[]>
  /** Reads its inputs before it returns. @throws KeyfoldError `AUTHENTICATION_FAILED`, and gives no byte, where the tag does not hold */
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): MaybePromise<Uint8Array>
}

/** `MessageKey.sealFrames` for an engine that has an AEAD. */
export function sealFrames(
  aead: OneShotAead,
  messageId: Uint8Array,
  run: FrameRun,
): MaybePromise<readonly Uint8Array[]> {
  const { bytes, frameLength, final } = run
  const pieces: MaybePromise<readonly Uint8Array[]>[] = []
  let sequenceNumber = run.firstSequenceNumber
  let offset = 0
  while (offset < bytes.length || (final && pieces.length === 0)) {
    const end = Math.min(offset + frameLength, bytes.length)
    const isFinal = final && end === bytes.length
    const plaintext = bytes.subarray(offset, end)
    const iv = frameIv(sequenceNumber)
    const aad = formatBodyAad(messageId, isFinal ? 'final' : 'regular', sequenceNumber, plaintext.length)
    pieces.push([formatFrameHead(isFinal, sequenceNumber, iv, plaintext.length)], aead.seal(iv, aad, plaintext))
    sequenceNumber += 1
    offset = end
  }
  return whenAll(pieces, (sealed) => sealed.flat())
}

/** `MessageKey.openFrames` for an engine that has an AEAD. */
export function openFrames(
  aead: OneShotAead,
  messageId: Uint8Array,
  run: FrameRun,
): MaybePromise<readonly Uint8Array[]> {
  const cursor = new Cursor(run.bytes)
  const pieces: MaybePromise<Uint8Array>[] = []
  let sequenceNumber = run.firstSequenceNumber
  while (cursor.offset < run.bytes.length) {
    const frame = parseFrame(cursor, run.frameLength, sequenceNumber)
    const aad = formatBodyAad(messageId, frame.kind, sequenceNumber, frame.content.length)
    pieces.push(aead.open(frame.iv, aad, frame.content, frame.tag))
    sequenceNumber += 1
  }
  return whenAll(pieces, (opened) => opened)
}

/** The results at once where the library answers at once, otherwise when all are there. */
function whenAll<T, R>(results: readonly MaybePromise<T>[], then: (results: readonly T[]) => R): MaybePromise<R> {
  if (results.some((result) => result instanceof Promise)) return Promise.all(results).then(then)
  return then(results as readonly T[]) // none is a promise
}
