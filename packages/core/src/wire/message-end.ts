import { KeyfoldError } from '../errors.ts'

/*
 * A message that does not end where it says: whoever reads it, whole, from a stream or in parts, refuses it in these words.
 */

/** @throws KeyfoldError `MALFORMED_MESSAGE` where bytes follow the message's end */
export function demandEnd(bytesLeft: number): void {
  if (bytesLeft > 0) throw new KeyfoldError('MALFORMED_MESSAGE', `${bytesLeft} bytes follow the end of the message`)
}

/** The error for a message that is cut. @param messageLength how many bytes there are of it */
export function endedEarly(messageLength: number): KeyfoldError {
  return new KeyfoldError('MALFORMED_MESSAGE', `the message ends at byte ${messageLength}, before its final frame does`)
}
