import { KeyfoldError } from '@keyfold/core'

/**
 * Refuses options that have a name which is not known: left unread, a misspelt one would let another key, Region or account be taken.
 * An undefined one counts as absent.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function demandOptions<Options extends object>(
  what: string,
  options: Options,
  known: Readonly<Record<keyof Options, true>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: expected an object of options`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(known, name) || value === undefined) continue
    const names = Object.keys(known).join(', ')
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: unknown option ${JSON.stringify(name)}; known are ${names}`)
  }
}
