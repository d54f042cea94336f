/*
 * The message format once more, from its description and on node:crypto alone, sharing no line with the code under test:
 * here what the reference writer and the reference reader have in common. Both are plain and slow.
 */
import { hkdfSync } from 'node:crypto'

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

export const signatureHash = (facts: SuiteFacts): string => (facts.curve === 'prime256v1' ? 'sha256' : 'sha384')

export type Pair = readonly [name: string, value: string]

export interface ReferenceEntry {
  readonly providerId: string
  readonly providerInfo: Uint8Array
  readonly ciphertext: Uint8Array
}

/** 2 count · each: 2 length, name, 2 length, value. No pairs are no bytes. */
export function formatPairs(pairs: readonly Pair[]): Buffer {
  if (pairs.length === 0) return Buffer.alloc(0)
  return Buffer.concat([u16(pairs.length), ...pairs.flat().map((text) => lv(Buffer.from(text)))])
}

export function sortPairs(pairs: readonly Pair[]): Pair[] {
  return [...pairs].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
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

export const zeroIv: Buffer = Buffer.alloc(12)

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
