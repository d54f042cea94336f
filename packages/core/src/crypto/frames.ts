import { Cursor } from '../wire/cursor.ts'
import {
  type FrameKind,
  formatFrameHead,
  ivOf,
  maxBodyAadLength,
  type ParsedFrame,
  parseFrame,
  writeBodyAad,
} from '../wire/frame.ts'
import type { FrameRun } from './engine.ts'
import type { MaybePromise } from './maybe-promise.ts'

/** AES-GCM on whole inputs, under one key: what a library offers, and all that frames need. */
export interface OneShotAead {
  /** Reads its inputs before it returns. @returns ciphertext and tag, in one piece or more */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): MaybePromise<readonly Uint8Array[]>
  /**
   * Reads its inputs before it returns.
   *
   * @returns the plaintext, in one piece or more
   * @throws KeyfoldError `AUTHENTICATION_FAILED`, and gives no byte, where the tag does not hold
   */
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): MaybePromise<readonly Uint8Array[]>
}

/** Every frame's AAD in turn: an AEAD reads its inputs before it returns, and an allocation apiece shows at a kilobyte. */
const aadSpace = new Uint8Array(maxBodyAadLength)
/** As much of it as the last one took. */
let lastAad = aadSpace

function bodyAad(messageId: Uint8Array, kind: FrameKind, sequenceNumber: number, contentLength: number): Uint8Array {
  const length = writeBodyAad(aadSpace, messageId, kind, sequenceNumber, contentLength)
  if (lastAad.length !== length) lastAad = aadSpace.subarray(0, length)
  return lastAad
}

/** `MessageKey.sealFrames` for an engine that has an AEAD. */
export function sealFrames(
  aead: OneShotAead,
  messageId: Uint8Array,
  run: FrameRun,
): MaybePromise<readonly Uint8Array[]> {
  const { bytes, frameLength, final } = run
  const parts: MaybePromise<readonly Uint8Array[]>[] = []
  for (let offset = 0; offset < bytes.length || (final && parts.length === 0); offset += frameLength) {
    const plaintext = bytes.subarray(offset, offset + frameLength)
    const isFinal = final && offset + plaintext.length === bytes.length
    const sequenceNumber = run.firstSequenceNumber + parts.length / 2
    const head = formatFrameHead(isFinal, sequenceNumber, plaintext.length)
    const aad = bodyAad(messageId, isFinal ? 'final' : 'regular', sequenceNumber, plaintext.length)
    parts.push([head], aead.seal(ivOf(head), aad, plaintext))
  }
  return whenAll(parts, flatten)
}

/** `flat` takes as long as a small cipher. */
function flatten(parts: readonly (readonly Uint8Array[])[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (const part of parts) for (const piece of part) pieces.push(piece)
  return pieces
}

/** `MessageKey.openFrames` for an engine that has an AEAD. */
export function openFrames(
  aead: OneShotAead,
  messageId: Uint8Array,
  run: FrameRun,
): MaybePromise<readonly Uint8Array[]> {
  const frames = parseFrames(run).map(({ kind, sequenceNumber, iv, content, tag }) => {
    const aad = bodyAad(messageId, kind, sequenceNumber, content.length)
    return aead.open(iv, aad, content, tag)
  })
  const [only] = frames
  return only !== undefined && frames.length === 1 ? only : whenAll(frames, flatten)
}

/** All of them before any is opened, so that a malformed one leaves no promise behind. */
function parseFrames({ bytes, frameLength, firstSequenceNumber }: FrameRun): readonly ParsedFrame[] {
  const cursor = new Cursor(bytes)
  const frames: ParsedFrame[] = []
  while (cursor.offset < bytes.length) frames.push(parseFrame(cursor, frameLength, firstSequenceNumber + frames.length))
  return frames
}

/** The results at once where the library answers at once, otherwise when all are there. */
function whenAll<T, R>(results: readonly MaybePromise<T>[], then: (results: readonly T[]) => R): MaybePromise<R> {
  if (results.some((result) => result instanceof Promise)) return Promise.all(results).then(then)
  return then(results as readonly T[]) // none is a promise
}
