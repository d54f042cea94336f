import { KeyfoldError } from '@keyfold/core'

/**
 * Demands a name that the Transit engine has keys by: it takes no others, and what is left needs no encoding. So no key's
 * name reaches another path.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function demandKeyName(name: string): void {
  if (typeof name === 'string' && /^\w([\w.-]*\w)?$/.test(name)) return
  const rule = 'letters, digits, _, and between them - and .'
  throw new KeyfoldError('INVALID_ARGUMENT', `transit: a key's name is of ${rule}`)
}

/** A path of segments, as it is printed and as it stands in a request. */
export interface NamedPath {
  readonly text: string
  readonly encoded: string
}

/** Demands a path such as `team/transit`. Slashes at its ends are passed over. @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandPath(what: 'mount' | 'namespace', path: string): NamedPath {
  const text = typeof path === 'string' ? path.replace(/^\/|\/$/g, '') : ''
  const segments = text.split('/')
  // Encoding would not help: the service decodes a path before it resolves the dots in it.
  const sound = segments.every((segment) => /^[\x21-\x7e]+$/.test(segment) && segment !== '.' && segment !== '..')
  if (sound) return { text, encoded: segments.map(encodeURIComponent).join('/') }
  const rule = 'segments of printable ASCII, none of them empty, . or ..'
  throw new KeyfoldError('INVALID_ARGUMENT', `transit: ${what}: expected ${rule}`)
}
