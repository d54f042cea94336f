import { crc32c as checksum } from '@aws-crypto/crc32c'

/** As the services write it: a 64-bit integer, as text. */
export function crc32cText(bytes: Uint8Array): string {
  return String(checksum(bytes))
}
