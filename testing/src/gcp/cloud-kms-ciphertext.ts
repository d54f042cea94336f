import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

/*
 * A ciphertext as the recorded ones look, so that damage meets the same parser:
 *
 *     0a 25  00 id[4] salt[32]                       field 1: which version's key, and what makes this message's key of it
 *     12 LL  00 id[4] iv[12] ciphertext[…] tag[16]   field 2: AES-256-GCM; LL is a varint
 *
 * What the real service keeps in field 1 is not known; here it is random. All that stands before the iv makes the message's
 * key, so that no bit of it can change unnoticed.
 */

const idLength = 4
const saltLength = 32
const ivLength = 12
const tagLength = 16
const firstLength = 1 + idLength + saltLength

export interface ParsedCiphertext {
  /** Of the version that sealed it, in hexadecimal. */
  readonly keyId: string
  /** All before the iv. */
  readonly header: Buffer
  readonly iv: Buffer
  readonly sealed: Buffer
}

export function seal(key: Uint8Array, keyId: string, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const id = Buffer.from(keyId, 'hex')
  const length = varint(1 + idLength + ivLength + plaintext.length + tagLength)
  const first = [Buffer.of(0x0a, firstLength, 0), id, randomBytes(saltLength)]
  const header = Buffer.concat([...first, Buffer.of(0x12), length, Buffer.of(0), id])
  const iv = randomBytes(ivLength)
  const cipher = createCipheriv('aes-256-gcm', messageKey(key, header), iv).setAAD(aad)
  return Buffer.concat([header, iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** @returns undefined where the tag does not hold */
export function open(key: Uint8Array, { header, iv, sealed }: ParsedCiphertext, aad: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', messageKey(key, header), iv).setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-tagLength))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagLength)), decipher.final()])
  } catch {
    return undefined
  }
}

/** @returns undefined for what no version could have sealed */
export function parse(ciphertext: Uint8Array): ParsedCiphertext | undefined {
  const bytes = Buffer.from(ciphertext)
  if (bytes[0] !== 0x0a || bytes[1] !== firstLength || bytes[2] !== 0) return undefined
  const secondAt = 2 + firstLength
  const length = readVarint(bytes, secondAt + 1)
  if (bytes[secondAt] !== 0x12 || length === undefined) return undefined
  const second = bytes.subarray(length.end)
  if (second.length !== length.value || second.length < 1 + idLength + ivLength + tagLength || second[0] !== 0) {
    return undefined
  }
  const ivAt = 1 + idLength
  return {
    keyId: bytes.toString('hex', 3, 3 + idLength),
    header: bytes.subarray(0, length.end + ivAt),
    iv: second.subarray(ivAt, ivAt + ivLength),
    sealed: second.subarray(ivAt + ivLength),
  }
}

function messageKey(key: Uint8Array, header: Uint8Array): Buffer {
  return createHmac('sha256', key).update(header).digest()
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.of(...bytes, rest)
}

function readVarint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let at = start; at < start + 4; at++) {
    const byte = bytes[at]
    if (byte === undefined) return undefined
    value |= (byte & 0x7f) << (7 * (at - start))
    if (byte < 0x80) return { value, end: at + 1 }
  }
  return undefined
}
