import type { SignatureAlgorithm } from '../suite/table.ts'
import { Cursor, writeBytes, writeUint } from './cursor.ts'
import { demandEnd } from './message-end.ts'

/** A signed message's last part: 2 signature length · signature, DER. Source: message-footer.md, "Structure" */
export function formatFooter(signature: Uint8Array): Uint8Array {
  const footer = new Uint8Array(2 + signature.length)
  writeBytes(footer, writeUint(footer, 0, 2, signature.length), signature)
  return footer
}

/** Length in bytes of the whole footer, of which there may be no more than the start. */
export function footerLength(start: Uint8Array): number {
  return 2 + (((start[0] ?? 0) << 8) | (start[1] ?? 0))
}

/**
 * The signature in a footer, as a view.
 *
 * @param bytes everything behind the body
 * @throws KeyfoldError `MALFORMED_MESSAGE` where the footer is cut or followed by anything
 */
export function parseFooter(bytes: Uint8Array): Uint8Array {
  const cursor = new Cursor(bytes)
  const signature = cursor.take(cursor.uint16('the footer'), 'the signature')
  demandEnd(bytes.length - cursor.offset)
  return signature
}

/** Length in bytes of the longest footer with a signature of the algorithm: a sequence of two integers with a sign bit apiece. */
export function longestFooter({ publicKeyLength }: SignatureAlgorithm): number {
  return 2 + 2 + 2 * (2 + publicKeyLength)
}

/**
 * Length in bytes of the footer that ends a message, found from behind: a signature's length stands before it, and again in
 * its DER sequence (a tag, 30, and a length of one byte). Believed by nobody: what it leaves as the body has to prove itself.
 *
 * @param tail the message's end, at least as much as the longest footer
 */
export function footerAtEnd(tail: Uint8Array): number | undefined {
  for (let start = 0; start + 4 <= tail.length; start++) {
    const signatureLength = tail.length - start - 2
    const isFooter = footerLength(tail.subarray(start)) === 2 + signatureLength
    if (isFooter && tail[start + 2] === 0x30 && tail[start + 3] === signatureLength - 2) return 2 + signatureLength
  }
  return undefined
}
