import { KeyfoldError } from './errors.ts'

/**
 * What a key's or secret's URI says, before anything is known of its scheme:
 *
 *     scheme://segment/segment?parameter=value&…#fragment
 *
 * Never read with `URL`, which resolves `..`, takes `user@` for credentials and refuses ARNs.
 */
export interface Reference {
  /** In lower case, without the colon. */
  readonly scheme: string
  /** The segments with slashes between them. Where a segment may hold a slash of its own, use {@link segments}. */
  readonly name: string
  /** Percent-decoded one by one; none is empty, `.` or `..`, not even between encoded slashes. A `local` reference has one: its path. */
  readonly segments: readonly string[]
  /** Percent-decoded, in the order given, none twice. A plus sign is a plus sign. */
  readonly parameters: ReadonlyMap<string, string>
  /** Percent-decoded: the name of a top-level field, or a JSON pointer when it starts with a slash. */
  readonly fragment: string | undefined
}

/**
 * Reads a reference. Two slashes and three mean the same, but for `local`, which takes a file's path as it stands, up to
 * the first `?` or `#`: `local:///etc/keys.json` is absolute, `local://keys.json` and `local://../keys.json` are not.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`; its text never shows the reference, which may hold a secret
 *
 * @example
 * ```ts
 * import { parseReference } from '@keyfold/core'
 *
 * const { scheme, name, parameters } = parseReference('awskms:///alias/orders?region=eu-west-1')
 * console.log(scheme, name, parameters.get('region')) // awskms alias/orders eu-west-1
 * ```
 */
export function parseReference(text: string): Reference {
  if (typeof text !== 'string') throw invalid('expected text such as local://keys.json')
  const [, scheme, path, query, fragment] = shape.exec(text) ?? []
  if (scheme === undefined || path === undefined) {
    throw invalid('expected SCHEME://NAME, the scheme in lower case, such as local://keys.json')
  }
  if (!text.isWellFormed() || controls.test(text))
    throw invalid('it has a control character or a lone surrogate', scheme)
  const segments = scheme === 'local' ? [demandPath(path)] : parseSegments(scheme, path)
  return Object.freeze({
    scheme,
    name: segments.join('/'),
    segments: Object.freeze(segments),
    parameters: query === undefined ? new Map<string, string>() : parseParameters(scheme, query),
    fragment: fragment === undefined ? undefined : parseFragment(scheme, fragment),
  })
}

/** 1 scheme, 2 path, 3 query, 4 fragment; the last two may be absent. */
const shape = /^([a-z][a-z0-9+.-]{0,31}):\/\/([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s

/** Nothing that has a name has one of these in it; in a path, request or terminal they do harm. */
const controls = /\p{Cc}/u

function demandPath(path: string): string {
  if (path === '') throw invalid('expected the path of a file', 'local')
  return path
}

function parseSegments(scheme: string, path: string): readonly string[] {
  const relative = path.startsWith('/') ? path.slice(1) : path
  if (relative === '') throw invalid('it has no name', scheme)
  return relative.split('/').map((segment, index) => {
    const decoded = decode(segment, `segment ${index + 1}`, scheme)
    // Whoever builds a request's path from the name would leave the folder that it means; encoded slashes are no way round.
    const parts = decoded.split('/')
    if (parts.includes('')) throw invalid(`segment ${index + 1} is empty`, scheme)
    if (parts.includes('.') || parts.includes('..')) throw invalid(`segment ${index + 1} is . or ..`, scheme)
    return decoded
  })
}

function parseParameters(scheme: string, query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const [index, pair] of query.split('&').entries()) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw invalid(`parameter ${index + 1}: expected NAME=VALUE`, scheme)
    const name = decode(pair.slice(0, equals), `the name of parameter ${index + 1}`, scheme)
    if (parameters.has(name)) throw invalid(`parameter ${index + 1} has the name of an earlier one`, scheme)
    parameters.set(name, decode(pair.slice(equals + 1), `parameter ${index + 1}`, scheme))
  }
  return parameters
}

function parseFragment(scheme: string, text: string): string {
  const fragment = decode(text, 'the fragment', scheme)
  if (fragment === '') throw invalid('the fragment is empty', scheme)
  if (fragment.startsWith('/') && /~(?![01])/.test(fragment)) {
    throw invalid('the fragment is no JSON pointer: in one, ~ stands only in ~0 and ~1', scheme)
  }
  return fragment
}

function decode(text: string, what: string, scheme: string): string {
  const decoded = decodeOrUndefined(text)
  if (decoded === undefined) throw invalid(`${what} has a % without two hexadecimal digits of UTF-8 after it`, scheme)
  if (controls.test(decoded)) throw invalid(`${what} has a control character`, scheme)
  return decoded
}

function decodeOrUndefined(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * Refuses parameters that a scheme does not have: left unread, a misspelt `regoin` would choose another key.
 *
 * @param known the names that the scheme has
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function demandParameters({ scheme, parameters }: Reference, known: readonly string[]): void {
  const index = [...parameters.keys()].findIndex((name) => !known.includes(name))
  if (index === -1) return
  const expected = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
  throw invalid(`parameter ${index + 1} is not one of the scheme's: ${expected}`, scheme)
}

function invalid(message: string, scheme?: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `reference${scheme === undefined ? '' : ` ${scheme}`}: ${message}`)
}
