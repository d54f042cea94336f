import { KeyfoldError } from './errors.ts'

/**
 * Refuses options that have a name which is not known: left unread, a misspelt `context` would bind nothing, and a
 * misspelt `passphrase` seal nothing. An undefined one counts as absent.
 *
 * @param known see {@link optionNames}
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function demandOptions(what: string, options: object, known: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: expected an object of options`)
  }
  for (const name of Object.keys(options)) {
    if (known.has(name) || options[name as never] === undefined) continue // its own key
    const names = [...known].join(', ')
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: unknown option ${JSON.stringify(name)}; known are ${names}`)
  }
}

/** Every name of a type of options, so that one cannot be declared and then refused as unknown. */
export function optionNames<Options>(names: Readonly<Record<keyof Options, true>>): ReadonlySet<string> {
  return new Set(Object.keys(names))
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandBoolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw new KeyfoldError('INVALID_ARGUMENT', `${name}: expected true or false`)
}
