/*
 * The message format once more, from its description and on node:crypto alone, sharing no line with the code under test.
 * Plain and slow: it builds messages that Keyfold would not write, and reads whole what Keyfold wrote.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  createSign,
  createVerify,
  ECDH,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'

export interface SuiteFacts {
  readonly id: number
  readonly version: 1 | 2
  readonly bits: 128 | 192 | 256
  readonly hkdf?: 'sha256' | 'sha384' | 'sha512'
  readonly curve?: 'prime256v1' | 'secp384r1'
}

/** The format's table of suites. */
export const suiteFacts: readonly SuiteFacts[] = [
  { id: 0x0578, version: 2, bits: 256, hkdf: 'sha512', curve: 'secp384r1' },
  { id: 0x0478, version: 2, bits: 256, hkdf: 'sha512' },
  { id: 0x0378, version: 1, bits: 256, hkdf: 'sha384', curve: 'secp384r1' },
  { id: 0x0346, version: 1, bits: 192, hkdf: 'sha384', curve: 'secp384r1' },
  { id: 0x0214, version: 1, bits: 128, hkdf: 'sha256', curve: 'prime256v1' },
  { id: 0x0178, version: 1, bits: 256, hkdf: 'sha256' },
  { id: 0x0146, version: 1, bits: 192, hkdf: 'sha256' },
  { id: 0x0114, version: 1, bits: 128, hkdf: 'sha256' },
  { id: 0x0078, version: 1, bits: 256 },
  { id: 0x0046, version: 1, bits: 192 },
  { id: 0x0014, version: 1, bits: 128 },
]

export function factsOf(id: number): SuiteFacts {
  const facts = suiteFacts.find((row) => row.id === id)
  if (facts === undefined) throw new Error(`reference: no suite ${id}`)
  return facts
}

export type Pair = readonly [name: string, value: string]

export interface ReferenceEntry {
  readonly providerId: string
  readonly providerInfo: Uint8Array
  readonly ciphertext: Uint8Array
}

export interface MessageSpec {
  readonly suite: number
  readonly dataKey: Uint8Array
  /** Makes the entries; by default the one that `spyProvider` opens. */
  readonly wrap?: (dataKey: Uint8Array, contextBytes: Buffer) => readonly ReferenceEntry[]
  readonly messageId?: Uint8Array
  /** The header's pairs; sorted unless `keepsOrder`. */
  readonly context?: readonly Pair[]
  readonly keepsOrder?: boolean
  readonly withheld?: readonly Pair[]
  readonly signer?: ReferenceSigner
  /** Whether the public key is in the context; by default where the suite signs. */
  readonly showsPublicKey?: boolean
  /** 0 for an unframed body. */
  readonly frameLength: number
  /** The plaintext of each frame; the last one is final. */
  readonly parts: readonly Uint8Array[]
  readonly sequenceNumber?: (frame: number) => number
  readonly frameIv?: (frame: number) => Uint8Array
  readonly headerIv?: Uint8Array
}

export interface ReferenceMessage {
  readonly bytes: Buffer
  readonly messageId: Buffer
  readonly headerBody: Buffer
  /** Body and authentication. */
  readonly header: Buffer
  readonly frames: readonly Buffer[]
  /** Empty in an unsigned message. */
  readonly footer: Buffer
}

export interface ReferenceSigner {
  readonly publicKey: string
  readonly privateKey: KeyObject
}

export function newSigner(suite: number): ReferenceSigner {
  const { curve } = factsOf(suite)
  if (curve === undefined) throw new Error('reference: the suite does not sign')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  const compressed = ECDH.convertKey(point, curve, undefined, undefined, 'compressed') as Buffer // no encoding: bytes
  return { privateKey, publicKey: compressed.toString('base64') }
}

const finalMark = Buffer.from('ffffffff', 'hex')
const zeroIv = Buffer.alloc(12)

export function writeMessage(spec: MessageSpec): ReferenceMessage {
  const facts = factsOf(spec.suite)
  const signer = facts.curve === undefined ? undefined : (spec.signer ?? newSigner(spec.suite))
  const messageId = Buffer.from(spec.messageId ?? randomBytes(facts.version === 1 ? 16 : 32))
  const { key, commitment } = deriveKeys(spec.suite, spec.dataKey, messageId)

  const publicKey = (spec.signer ?? signer)?.publicKey ?? 'AAAA'
  const shows = spec.showsPublicKey ?? signer !== undefined
  const shown: Pair[] = [...(spec.context ?? []), ...(shows ? [['aws-crypto-public-key', publicKey] as const] : [])]
  const headerPairs = spec.keepsOrder === true ? shown : sortPairs(shown)
  const wrap = spec.wrap ?? ((dataKey) => [spyEntry(dataKey)])
  const entries = wrap(spec.dataKey, formatPairs(sortPairs([...shown, ...(spec.withheld ?? [])])))

  const headerBody = formatHeader(facts, messageId, formatPairs(headerPairs), entries, spec.frameLength, commitment)
  const headerIv = Buffer.from(spec.headerIv ?? zeroIv)
  const aad = Buffer.concat([headerBody, formatPairs(sortPairs(spec.withheld ?? []))])
  const { tag } = sealGcm(facts, key, headerIv, aad, Buffer.alloc(0))
  const header = Buffer.concat([headerBody, ...(facts.version === 1 ? [headerIv] : []), tag])

  const frames = spec.parts.map((part, index) => formatFrame(spec, facts, key, messageId, part, index))
  const signed = Buffer.concat([header, ...frames])
  const footer = signer === undefined ? Buffer.alloc(0) : formatFooter(facts, signer, signed)
  return { bytes: Buffer.concat([signed, footer]), messageId, headerBody, header, frames, footer }
}

function formatHeader(
  facts: SuiteFacts,
  messageId: Buffer,
  contextBytes: Buffer,
  entries: readonly ReferenceEntry[],
  frameLength: number,
  commitment: Buffer,
): Buffer {
  const contentType = Buffer.of(frameLength === 0 ? 1 : 2)
  const versionAndSuite = facts.version === 1 ? Buffer.of(1, 0x80) : Buffer.of(2)
  return Buffer.concat([
    versionAndSuite,
    u16(facts.id),
    messageId,
    lv(contextBytes),
    u16(entries.length),
    ...entries.flatMap((entry) => [lv(Buffer.from(entry.providerId)), lv(entry.providerInfo), lv(entry.ciphertext)]),
    contentType,
    ...(facts.version === 1 ? [Buffer.alloc(4), Buffer.of(12)] : []),
    u32(frameLength),
    commitment,
  ])
}

function formatFrame(
  spec: MessageSpec,
  facts: SuiteFacts,
  key: Buffer,
  messageId: Buffer,
  part: Uint8Array,
  index: number,
): Buffer {
  const isFinal = index === spec.parts.length - 1
  const number = spec.sequenceNumber?.(index + 1) ?? index + 1
  const iv = Buffer.from(spec.frameIv?.(index + 1) ?? Buffer.concat([Buffer.alloc(8), u32(number)]))
  const kind = spec.frameLength === 0 ? 'unframed' : isFinal ? 'final' : 'regular'
  const aad = bodyAad(messageId, kind, number, part.length)
  const { ciphertext, tag } = sealGcm(facts, key, iv, aad, part)
  if (kind === 'unframed') return Buffer.concat([iv, u64(part.length), ciphertext, tag])
  if (kind === 'regular') return Buffer.concat([u32(number), iv, ciphertext, tag])
  return Buffer.concat([finalMark, u32(number), iv, u32(part.length), ciphertext, tag])
}

function formatFooter(facts: SuiteFacts, signer: ReferenceSigner, signed: Buffer): Buffer {
  return lv(createSign(signatureHash(facts)).update(signed).sign(signer.privateKey))
}

const signatureHash = (facts: SuiteFacts): string => (facts.curve === 'prime256v1' ? 'sha256' : 'sha384')

/** message id · text of the kind · 4 sequence number · 8 content length */
export function bodyAad(
  messageId: Buffer,
  kind: 'regular' | 'final' | 'unframed',
  sequenceNumber: number,
  length: number,
): Buffer {
  const texts = { regular: 'Frame', final: 'Final Frame', unframed: 'Single Block' }
  const text = Buffer.from(`AWSKMSEncryptionClient ${texts[kind]}`)
  return Buffer.concat([messageId, text, u32(sequenceNumber), u64(length)])
}

export interface DerivedKeys {
  readonly key: Buffer
  /** Empty where the suite does not commit. */
  readonly commitment: Buffer
}

export function deriveKeys(suite: number, dataKey: Uint8Array, messageId: Uint8Array): DerivedKeys {
  const { hkdf, version, bits } = factsOf(suite)
  if (hkdf === undefined) return { key: Buffer.from(dataKey), commitment: Buffer.alloc(0) }
  if (version === 1) {
    const info = Buffer.concat([u16(suite), messageId])
    const key = Buffer.from(hkdfSync(hkdf, dataKey, Buffer.alloc(0), info, bits / 8))
    return { key, commitment: Buffer.alloc(0) }
  }
  const info = Buffer.concat([u16(suite), Buffer.from('DERIVEKEY')])
  const key = Buffer.from(hkdfSync(hkdf, dataKey, messageId, info, bits / 8))
  return { key, commitment: Buffer.from(hkdfSync(hkdf, dataKey, messageId, Buffer.from('COMMITKEY'), 32)) }
}

export function sealGcm(
  { bits }: SuiteFacts,
  key: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { readonly ciphertext: Buffer; readonly tag: Buffer } {
  const cipher = createCipheriv(`aes-${bits}-gcm`, key, iv)
  cipher.setAAD(aad)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return { ciphertext, tag: cipher.getAuthTag() }
}

/** What a raw AES keyring makes: the data key under AES-256-GCM, with the context as associated data. */
export function rawAesEntry(
  wrappingKey: Uint8Array,
  namespace: string,
  name: string,
): (dataKey: Uint8Array, contextBytes: Buffer) => readonly ReferenceEntry[] {
  return (dataKey, contextBytes) => {
    const iv = randomBytes(12)
    const { ciphertext, tag } = sealGcm(factsOf(0x0478), wrappingKey, iv, contextBytes, dataKey)
    const providerInfo = Buffer.concat([Buffer.from(name), u32(128), u32(12), iv])
    return [{ providerId: namespace, providerInfo, ciphertext: Buffer.concat([ciphertext, tag]) }]
  }
}

/** The entry of `spyProvider`, whose wrapping is no cryptography: every byte turned over. */
export function spyEntry(dataKey: Uint8Array): ReferenceEntry {
  return { providerId: 'spy', providerInfo: Buffer.from('key'), ciphertext: dataKey.map((byte) => byte ^ 0xff) }
}

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

/** 2 count · each: 2 length, name, 2 length, value. No pairs are no bytes. */
export function formatPairs(pairs: readonly Pair[]): Buffer {
  if (pairs.length === 0) return Buffer.alloc(0)
  return Buffer.concat([u16(pairs.length), ...pairs.flat().map((text) => lv(Buffer.from(text)))])
}

function parsePairs(bytes: Buffer): readonly Pair[] {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  const pairs = Array.from({ length: reader.uint(2) }, (): Pair => [reader.lv().toString(), reader.lv().toString()])
  demand(reader.left() === 0, 'the context')
  return pairs
}

export function sortPairs(pairs: readonly Pair[]): Pair[] {
  return [...pairs].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
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

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** 2 length · bytes */
export function lv(bytes: Uint8Array): Buffer {
  return Buffer.concat([u16(bytes.length), bytes])
}
