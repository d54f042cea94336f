import { KeyfoldError } from '../errors.ts'
import { wipe } from '../secret-bytes.ts'
import { parseBase64 } from '../wire/bytes.ts'
import { demandKeyName, maxVersion } from './key-name.ts'

/*
 * A key file is JSON in UTF-8. A byte order mark before it, as editors on Windows write one, is passed over:
 *
 *     {
 *       "format": "keyfold-keys",
 *       "formatVersion": 1,
 *       "scrypt": { "N": 131072, "r": 8, "p": 1, "salt": BASE64 },        only in a file sealed with a passphrase
 *       "keys": [
 *         {
 *           "name": "default",
 *           "versions": [                                                 ascending; the last one seals, all open
 *             { "version": 1, "createdAt": "2026-01-31T12:00:00.000Z", "key": BASE64 }
 *           ]
 *         }
 *       ]
 *     }
 *
 * A "key" is 32 bytes, AES-256. In a file sealed with a passphrase every version has "sealed" in its place:
 *
 *     0   12  iv
 *     12  32  the key, AES-256-GCM under scrypt(passphrase, salt, N, r, p)
 *     44  16  tag; authenticated with it: the UTF-8 of the JSON array [name, version, createdAt]
 *
 * So a sealed key cannot be moved to another name, version or date. That a version was taken out, or an old file put back,
 * nothing here can tell. Fields that are not named here are refused.
 */

/** A key file's content. The keys are left in base64: they are decoded where they are imported, and wiped there. */
export interface KeyFile {
  /** Only in a file that is sealed with a passphrase. */
  readonly scrypt: StoredScrypt | undefined
  /** At least one, by name. */
  readonly keys: ReadonlyMap<string, readonly StoredVersion[]>
}

/** Source: RFC 7914, section 2 */
export interface StoredScrypt {
  readonly N: number
  readonly r: number
  readonly p: number
  /** Base64. */
  readonly salt: string
}

export interface StoredVersion {
  readonly version: number
  /** ISO 8601, UTC, with milliseconds. */
  readonly createdAt: string
  /** Base64 of the key, or in a sealed file of the sealed key. */
  readonly material: string
}

const format = 'keyfold-keys'
const formatVersion = 1

/** Length in bytes of a key, and of a sealed key with its iv and tag. */
export const keyLength = 32
const sealedKeyLength: number = 12 + keyLength + 16

/**
 * @throws KeyfoldError `INVALID_ARGUMENT`, naming the place and never showing what stands there; `UNSUPPORTED` for a later
 *   version of the format; `LIMIT_EXCEEDED` for a scrypt that would take too much memory or time
 */
export function parseKeyFileText(text: string): KeyFile {
  const file = demandObject(parseJson(text), 'the file')
  if (file['format'] !== format) throw malformed('format', `expected "${format}"`)
  if (file['formatVersion'] !== formatVersion) {
    const known = Number.isInteger(file['formatVersion']) ? 'UNSUPPORTED' : 'INVALID_ARGUMENT'
    throw new KeyfoldError(known, `key file: formatVersion: expected ${formatVersion}`)
  }
  demandFields(file, 'the file', ['format', 'formatVersion', 'scrypt', 'keys'])
  const scrypt = file['scrypt'] === undefined ? undefined : parseScrypt(demandObject(file['scrypt'], 'scrypt'))
  return { scrypt, keys: parseKeys(file['keys'], scrypt !== undefined) }
}

/** The file's text, ending in a line break. */
export function formatKeyFileText({ scrypt, keys }: KeyFile): string {
  const field = scrypt === undefined ? 'key' : 'sealed'
  const list = [...keys].map(([name, versions]) => ({
    name,
    versions: versions.map(({ version, createdAt, material }) => ({ version, createdAt, [field]: material })),
  }))
  return `${JSON.stringify({ format, formatVersion, scrypt, keys: list }, null, 2)}\n`
}

function parseJson(text: string): unknown {
  if (typeof text !== 'string') throw malformed('the file', 'expected its text')
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    // The parser's own message quotes the text, which holds keys: not even the cause may have it.
    throw malformed('the file', 'it is not JSON')
  }
}

/** A file may not ask for more: 1 GiB. The default asks for 128 MiB. */
const maxScryptBytes = 2 ** 30
const maxScryptPasses = 16

function parseScrypt(stored: Readonly<Record<string, unknown>>): StoredScrypt {
  demandFields(stored, 'scrypt', ['N', 'r', 'p', 'salt'])
  const N = demandCount(stored['N'], 'scrypt.N')
  const r = demandCount(stored['r'], 'scrypt.r')
  const p = demandCount(stored['p'], 'scrypt.p')
  if (128 * N * r > maxScryptBytes || p > maxScryptPasses) {
    const limit = `at most ${maxScryptBytes} bytes (128 · N · r) and p ${maxScryptPasses}`
    throw new KeyfoldError('LIMIT_EXCEEDED', `key file: scrypt with N ${N}, r ${r}, p ${p}: ${limit}`)
  }
  if (N < 2 || !Number.isInteger(Math.log2(N))) throw malformed('scrypt.N', 'expected a power of two')
  return { N, r, p, salt: demandBase64(stored['salt'], 'scrypt.salt', (length) => length >= 16 && length <= 64) }
}

function parseKeys(stored: unknown, sealed: boolean): KeyFile['keys'] {
  const keys = new Map<string, readonly StoredVersion[]>()
  for (const [index, value] of demandList(stored, 'keys').entries()) {
    const at = `keys[${index}]`
    const key = demandObject(value, at)
    demandFields(key, at, ['name', 'versions'])
    const name = demandKeyName(`key file: ${at}.name`, key['name'])
    if (keys.has(name)) throw malformed(`${at}.name`, 'an earlier key has the same name')
    keys.set(name, parseVersions(key['versions'], `${at}.versions`, sealed))
  }
  return keys
}

function parseVersions(stored: unknown, at: string, sealed: boolean): readonly StoredVersion[] {
  const field = sealed ? 'sealed' : 'key'
  const length = sealed ? sealedKeyLength : keyLength
  let latest = 0
  return demandList(stored, at).map((value, index) => {
    const row = demandObject(value, `${at}[${index}]`)
    demandFields(row, `${at}[${index}]`, ['version', 'createdAt', field])
    const version = demandCount(row['version'], `${at}[${index}].version`)
    if (version <= latest || version > maxVersion) {
      throw malformed(`${at}[${index}].version`, `expected ascending numbers of at most ${maxVersion}`)
    }
    latest = version
    const createdAt = demandInstant(row['createdAt'], `${at}[${index}].createdAt`)
    return { version, createdAt, material: demandBase64(row[field], `${at}[${index}].${field}`, (n) => n === length) }
  })
}

function demandObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(at, 'expected an object')
  return value as Record<string, unknown> // JSON's objects have text for keys
}

function demandFields(value: object, at: string, known: readonly string[]): void {
  if (!Object.keys(value).every((field) => known.includes(field))) {
    throw malformed(at, `it has a field other than ${known.join(', ')}`)
  }
}

function demandList(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  throw malformed(at, 'expected an array that is not empty')
}

function demandCount(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw malformed(at, 'expected a whole number of at least 1')
}

function demandInstant(value: unknown, at: string): string {
  const instant = typeof value === 'string' ? new Date(value) : undefined
  if (instant === undefined || Number.isNaN(instant.getTime()) || instant.toISOString() !== value) {
    throw malformed(at, 'expected a date such as 2026-01-31T12:00:00.000Z')
  }
  return value
}

/** The bytes of a field that was checked when the file was parsed. */
export function decodeBase64(text: string): Uint8Array {
  const bytes = parseBase64(text)
  if (bytes === undefined) throw new KeyfoldError('INVALID_ARGUMENT', 'key file: a field is not base64')
  return bytes
}

function demandBase64(value: unknown, at: string, fits: (length: number) => boolean): string {
  const bytes = typeof value === 'string' && value.length <= longestBase64 ? parseBase64(value) : undefined
  if (bytes !== undefined) wipe(bytes)
  if (typeof value === 'string' && bytes !== undefined && fits(bytes.length)) return value
  throw malformed(at, `expected base64 of the right length${bytes === undefined ? '' : `, got ${bytes.length} bytes`}`)
}

/** Longer than any that fits. */
const longestBase64 = 128

function malformed(at: string, message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `key file: ${at}: ${message}`)
}
