import { KeyfoldError } from '@keyfold/core'
import { describeInput, readInput } from './input.ts'
import type { Surroundings } from './surroundings.ts'

const maxPassphraseBytes = 64 * 1024

/**
 * The passphrase of key files: the content of a file less one line break at its end, or else the variable
 * KEYFOLD_PASSPHRASE. Never an argument, which every process of the machine can read.
 *
 * @param input what else the command reads: standard input serves one of the two
 * @throws KeyfoldError `INVALID_ARGUMENT`, `LIMIT_EXCEEDED`
 */
export async function readPassphrase(
  file: string | undefined,
  surroundings: Surroundings,
  input?: string,
): Promise<string | undefined> {
  if (file === '-' && input === '-') {
    throw new KeyfoldError('INVALID_ARGUMENT', 'standard input cannot be both the passphrase and what is to be read')
  }
  if (file === undefined) return surroundings.env['KEYFOLD_PASSPHRASE'] || undefined
  const bytes = await readInput(file, maxPassphraseBytes, surroundings)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    throw new KeyfoldError('INVALID_ARGUMENT', `${describeInput(file)}: a passphrase is UTF-8 text`)
  }
}
