/* Builds messages of the format, those too that Keyfold would not write, and shares no line with the code under test. */
import { createCipheriv, createSign, ECDH, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import {
  bodyAad,
  deriveKeys,
  factsOf,
  formatPairs,
  lv,
  type Pair,
  type ReferenceEntry,
  type SuiteFacts,
  signatureHash,
  sortPairs,
  u16,
  u32,
  u64,
  zeroIv,
} from './reference-format.test-support.ts'

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

const finalMark = Buffer.from('ffffffff', 'hex')

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

export function newSigner(suite: number): ReferenceSigner {
  const { curve } = factsOf(suite)
  if (curve === undefined) throw new Error('reference: the suite does not sign')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  const compressed = ECDH.convertKey(point, curve, undefined, undefined, 'compressed') as Buffer // no encoding: bytes
  return { privateKey, publicKey: compressed.toString('base64') }
}

/** The entry of `spyProvider`, whose wrapping is no cryptography: every byte turned over. */
export function spyEntry(dataKey: Uint8Array): ReferenceEntry {
  return { providerId: 'spy', providerInfo: Buffer.from('key'), ciphertext: dataKey.map((byte) => byte ^ 0xff) }
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
