/*
 * Looks for a key in everything that an object tells: what it prints, what it hides, what led to it. A part of the key is
 * enough, since a log line is often cut.
 */

/** Bytes in a row that are taken for the key: no six random bytes turn up by chance. */
const telling = 6

/** Beyond this many objects, what hangs on an error is the program itself. */
const mostObjects = 50_000

/** Finds the key. @returns where it shows, as a path; undefined where it does not */
export function searchFor(key: Uint8Array): (where: unknown) => string | undefined {
  const parts = partsOf(key)
  return (where) => {
    const seen = new Set<object>()
    const found: Member[] = [{ path: 'it', value: where }]
    for (const { path, value } of found) {
      if (seen.size >= mostObjects) return undefined
      if (typeof value === 'string' && showsInText(parts, value)) return path
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
      seen.add(value)
      const bytes = bytesOf(value)
      if (bytes !== undefined && showsInBytes(parts, bytes)) return path
      if (bytes === undefined || Array.isArray(value)) found.push(...membersOf(value, path))
    }
    return undefined
  }
}

interface Parts {
  readonly latin1: readonly string[]
  readonly hex: readonly string[]
  readonly base64: readonly string[]
  readonly decimal: readonly string[]
}

/** Every part of the key, in each of its writings. At every offset: base64 depends on where in a longer text it stands. */
function partsOf(key: Uint8Array): Parts {
  const starts = Array.from({ length: Math.max(1, key.length - telling + 1) }, (_, start) => start)
  const parts = starts.map((start) => key.subarray(start, start + telling))
  const latin1 = parts.map(latin1Of)
  return {
    latin1,
    hex: parts.map((part) => [...part].map((byte) => byte.toString(16).padStart(2, '0')).join('')),
    base64: latin1.map((part) => btoa(part)),
    decimal: parts.map((part) => `,${[...part].join(',')},`),
  }
}

function latin1Of(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function showsInText(parts: Parts, text: string): boolean {
  const hex = text.toLowerCase().replaceAll(/0x|[^0-9a-z]/g, '')
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/').replaceAll(/\s/g, '')
  // Also as JSON writes an array of bytes: {"0":113,"1":55}.
  const decimal = `,${text.replaceAll(/"?\d+"?\s*:/g, '').replaceAll(/\D+/g, ',')},`
  return (
    parts.latin1.some((part) => text.includes(part)) ||
    parts.hex.some((part) => hex.includes(part)) ||
    parts.base64.some((part) => base64.includes(part)) ||
    parts.decimal.some((part) => decimal.includes(part))
  )
}

function showsInBytes(parts: Parts, bytes: Uint8Array): boolean {
  // What bytes spell is text again: a request's body may hold the key in base64.
  return showsInText(parts, latin1Of(bytes))
}

/** What an object is, as bytes; only the part that a view shows, for Node's small buffers share one pool. */
function bytesOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (!Array.isArray(value) || value.length < telling) return undefined
  return value.every((one) => Number.isInteger(one) && one >= 0 && one <= 255) ? Uint8Array.from(value) : undefined
}

type Member = { readonly path: string; readonly value: unknown }

function membersOf(value: object, path: string): readonly Member[] {
  const names = Reflect.ownKeys(value)
  const own = names.map((key) => read(value, key, path))
  // Of an Error these are the prototype's in some engines.
  const told = ['name', 'message', 'stack', 'cause', ...gettersOf(value)].map((key) => read(value, key, path))
  const inside: Member[] = [{ path: `${path}'s property names`, value: names.map(String).join(' ') }]
  if (value instanceof Map || value instanceof Set) inside.push({ path: `${path}.entries`, value: [...value] })
  return [...own, ...told, ...spoken(value, path), ...inside]
}

/** What an object's classes tell of it, as a data key its bytes. */
function gettersOf(value: object): readonly (string | symbol)[] {
  const names: (string | symbol)[] = []
  let prototype: object | null = Reflect.getPrototypeOf(value)
  while (prototype !== null && prototype !== Object.prototype) {
    for (const key of Reflect.ownKeys(prototype)) {
      if (Reflect.getOwnPropertyDescriptor(prototype, key)?.get !== undefined) names.push(key)
    }
    prototype = Reflect.getPrototypeOf(prototype)
  }
  return names
}

/** How printing, serializing and Node's util.inspect ask, with arguments as inspect gives them. */
const questions = ['toString', 'toJSON', Symbol.for('nodejs.util.inspect.custom')]
const asInspect = [Number.POSITIVE_INFINITY, { stylize: String, depth: Number.POSITIVE_INFINITY }, String]

/** What an object says when asked: it may hold what no property shows. */
function spoken(value: object, path: string): readonly Member[] {
  if (typeof value === 'function') return []
  return questions.flatMap((question) => {
    const { value: method } = read(value, question, path)
    if (typeof method !== 'function') return []
    const named = `${path}.${String(question)}()`
    try {
      const answer: unknown = Reflect.apply(method, value, typeof question === 'symbol' ? asInspect : [])
      return [{ path: named, value: answer }]
    } catch {
      return []
    }
  })
}

/** A getter may throw, as that of a released data key does: then it tells nothing. */
function read(value: object, key: string | symbol, path: string): Member {
  const named = `${path}.${String(key)}`
  try {
    const member: unknown = Reflect.get(value, key)
    return { path: named, value: member }
  } catch {
    return { path: named, value: undefined }
  }
}
