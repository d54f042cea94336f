import { KeyfoldError } from '../errors.ts'
import { Cursor, writeBytes, writeUint } from './cursor.ts'

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

/** @throws KeyfoldError `MALFORMED_MESSAGE` where bytes follow the message's end */
export function demandEnd(bytesLeft: number): void {
  if (bytesLeft > 0) throw new KeyfoldError('MALFORMED_MESSAGE', `${bytesLeft} bytes follow the end of the message`)
}
