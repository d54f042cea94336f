import { ivLength, tagLength } from '../suite/table.ts'
import { concat, standsAt } from '../wire/bytes.ts'
import { readUint32, writeUint } from '../wire/cursor.ts'

/*
 * A raw AES entry's provider info: key name · 4 tag length in bits · 4 iv length in bytes · iv.
 * Source: raw-aes-keyring.md, "Key Provider Information"
 */

const lengths = new Uint8Array(8)
writeUint(lengths, 0, 4, 8 * tagLength)
writeUint(lengths, 4, 4, ivLength)

export function formatRawAesInfo(nameBytes: Uint8Array, iv: Uint8Array): Uint8Array {
  return concat([nameBytes, lengths, iv])
}

/** The key's name in an info, as a view; undefined where it has another shape. */
export function nameInRawAesInfo(info: Uint8Array): Uint8Array | undefined {
  const length = nameLengthInRawAesInfo(info)
  return length === undefined ? undefined : info.subarray(0, length)
}

export function hasNameInRawAesInfo(info: Uint8Array, nameBytes: Uint8Array): boolean {
  return nameLengthInRawAesInfo(info) === nameBytes.length && standsAt(info, 0, nameBytes)
}

function nameLengthInRawAesInfo(info: Uint8Array): number | undefined {
  const end = info.length - ivLength - lengths.length
  const isOurs = end >= 0 && readUint32(info, end) === 8 * tagLength && readUint32(info, end + 4) === ivLength
  return isOurs ? end : undefined
}

/** The iv of an info that has a name, as a view. */
export function ivInRawAesInfo(info: Uint8Array): Uint8Array {
  return info.subarray(info.length - ivLength)
}
