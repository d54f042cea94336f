/** What a caller may be allowed to do, by the names of access policies. */
export type KeyOperation =
  | 'create'
  | 'import'
  | 'get'
  | 'update'
  | 'rotate'
  | 'getRotationPolicy'
  | 'setRotationPolicy'
  | 'delete'
  | 'recover'
  | 'purge'
  | 'wrapKey'
  | 'unwrapKey'
  | 'encrypt'
  | 'decrypt'

/** One request, taken apart. */
export interface KeyRequest {
  readonly operation: KeyOperation
  /** Of the key; not checked yet. */
  readonly name: string
  readonly version: string
  readonly deleted: boolean
}

/** What a request of the keys' interface asks for; undefined for any other path. */
export function routeKeyRequest(method: string, path: string): KeyRequest | undefined {
  // Old clients begin a path with two slashes; an absent version leaves an empty segment.
  const [collection, encodedName, ...rest] = path.replace(/^\/+/, '').split('/')
  if (encodedName === undefined || (collection !== 'keys' && collection !== 'deletedkeys')) return undefined
  const name = decoded(encodedName)
  const deleted = collection === 'deletedkeys'
  const [first = '', second] = rest
  const verb = `${method} ${deleted ? 'deleted ' : ''}${(second ?? first).toLowerCase()}`.trimEnd()
  const byVerb = verbs[verb]
  if (byVerb !== undefined) return { operation: byVerb, name, version: second === undefined ? '' : first, deleted }
  const byMethod = deleted ? undefined : methods[method]
  return byMethod === undefined || second !== undefined
    ? undefined
    : { operation: byMethod, name, version: first, deleted }
}

const verbs: Readonly<Record<string, KeyOperation>> = {
  'POST create': 'create',
  PUT: 'import',
  'POST rotate': 'rotate',
  'GET rotationpolicy': 'getRotationPolicy',
  'PUT rotationpolicy': 'setRotationPolicy',
  DELETE: 'delete',
  'GET deleted': 'get',
  'POST deleted recover': 'recover',
  'DELETE deleted': 'purge',
  'POST wrapkey': 'wrapKey',
  'POST unwrapkey': 'unwrapKey',
  'POST encrypt': 'encrypt',
  'POST decrypt': 'decrypt',
}

/** What may have a version behind the name. */
const methods: Readonly<Record<string, KeyOperation>> = { GET: 'get', PATCH: 'update' }

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
