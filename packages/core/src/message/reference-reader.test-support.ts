/* Reads whole what Keyfold wrote: the other half of reference-writer.test-support.ts, and as independent of the code under test. */
import { createDecipheriv, createPublicKey, createVerify, ECDH } from 'node:crypto'
import {
  bodyAad,
  deriveKeys,
  factsOf,
  formatPairs,
  type Pair,
  type ReferenceEntry,
  type SuiteFacts,
  signatureHash,
  sortPairs,
  zeroIv,
} from './reference-format.test-support.ts'

export interface ReadFrame {
  readonly kind: 'regular' | 'final' | 'unframed'
  readonly sequenceNumber: number
  readonly iv: Buffer
  readonly plaintext: Buffer
}

export interface ReadMessage {
  readonly version: number
  /** Only in version 1. */
  readonly type?: number
  readonly suite: number
  readonly messageId: Buffer
  readonly contextBytes: Buffer
  readonly pairs: readonly Pair[]
  readonly entries: readonly ReferenceEntry[]
  readonly contentType: number
  readonly frameLength: number
  readonly headerIv: Buffer
  readonly headerLength: number
  readonly frames: readonly ReadFrame[]
  readonly plaintext: Buffer
}

/** Reads a message whole and verifies all of it; throws an Error that is no KeyfoldError. */
export function readMessage(bytes: Uint8Array, dataKey: Uint8Array, withheld: readonly Pair[] = []): ReadMessage {
  const reader = new Reader(bytes)
  const version = reader.uint(1)
  const type = version === 1 ? reader.uint(1) : undefined
  const suite = reader.uint(2)
  const facts = factsOf(suite)
  demand(facts.version === version, 'version and suite')
  const messageId = reader.take(version === 1 ? 16 : 32)
  const contextBytes = reader.lv()
  const entryCount = reader.uint(2)
  const entries = Array.from({ length: entryCount }, () => {
    return { providerId: reader.lv().toString(), providerInfo: reader.lv(), ciphertext: reader.lv() }
  })
  const contentType = reader.uint(1)
  if (version === 1) demand(reader.take(5).equals(Buffer.from('000000000c', 'hex')), 'reserved and iv length')
  const frameLength = reader.uint(4)
  const { key, commitment } = deriveKeys(suite, dataKey, messageId)
  demand(reader.take(commitment.length).equals(commitment), 'commitment')
  const aad = Buffer.concat([reader.behind(), formatPairs(sortPairs(withheld))])
  const headerIv = version === 1 ? reader.take(12) : zeroIv
  openGcm(facts, key, headerIv, aad, Buffer.alloc(0), reader.take(16))
  const headerLength = reader.behind().length

  const frames = readFrames(reader, facts, key, messageId, frameLength)
  const pairs = parsePairs(contextBytes)
  if (facts.curve !== undefined) verifyFooter(reader, facts, facts.curve, pairs)
  demand(reader.left() === 0, 'the end')
  const plaintext = Buffer.concat(frames.map((frame) => frame.plaintext))
  const header = { version, suite, messageId, contextBytes, pairs, entries, contentType, frameLength, headerIv }
  return { ...header, ...(type === undefined ? {} : { type }), headerLength, frames, plaintext }
}

function readFrames(
  reader: Reader,
  facts: SuiteFacts,
  key: Buffer,
  messageId: Buffer,
  frameLength: number,
): ReadFrame[] {
  const frames: ReadFrame[] = []
  for (let due = 1; ; due++) {
    const mark = reader.uint(4)
    const isFinal = mark === 0xffff_ffff
    const kind = isFinal ? 'final' : 'regular'
    const sequenceNumber = isFinal ? reader.uint(4) : mark
    demand(sequenceNumber === due, 'the sequence number')
    const iv = reader.take(12)
    const length = isFinal ? reader.uint(4) : frameLength
    demand(length <= frameLength, 'the content length')
    const content = reader.take(length)
    const aad = bodyAad(messageId, kind, sequenceNumber, length)
    frames.push({ kind, sequenceNumber, iv, plaintext: openGcm(facts, key, iv, aad, content, reader.take(16)) })
    if (isFinal) return frames
  }
}

function verifyFooter(reader: Reader, facts: SuiteFacts, curve: string, pairs: readonly Pair[]): void {
  const signed = reader.behind()
  const [, encoded = ''] = pairs.find(([name]) => name === 'aws-crypto-public-key') ?? []
  const compressed = Buffer.from(encoded, 'base64')
  const point = ECDH.convertKey(compressed, curve, undefined, undefined, 'uncompressed') as Buffer // no encoding: bytes
  const half = (point.length - 1) / 2
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)].map((part) => part.toString('base64url'))
  const crv = curve === 'prime256v1' ? 'P-256' : 'P-384'
  const key = createPublicKey({ key: { kty: 'EC', crv, x: x ?? '', y: y ?? '' }, format: 'jwk' })
  demand(createVerify(signatureHash(facts)).update(signed).verify(key, reader.lv()), 'the signature')
}

function openGcm(facts: SuiteFacts, key: Buffer, iv: Buffer, aad: Buffer, content: Buffer, tag: Buffer): Buffer {
  const decipher = createDecipheriv(`aes-${facts.bits}-gcm`, key, iv, { authTagLength: 16 })
  decipher.setAAD(aad)
  decipher.setAuthTag(tag)
  return Buffer.concat([decipher.update(content), decipher.final()])
}

function parsePairs(bytes: Buffer): readonly Pair[] {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  const pairs = Array.from({ length: reader.uint(2) }, (): Pair => [reader.lv().toString(), reader.lv().toString()])
  demand(reader.left() === 0, 'the context')
  return pairs
}

class Reader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes)
  }

  take(length: number): Buffer {
    demand(length <= this.left(), 'cut')
    this.#offset += length
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  uint(length: number): number {
    return this.take(length).readUIntBE(0, length)
  }

  lv(): Buffer {
    return this.take(this.uint(2))
  }

  behind(): Buffer {
    return this.#bytes.subarray(0, this.#offset)
  }

  left(): number {
    return this.#bytes.length - this.#offset
  }
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`reference: ${what}`)
}
