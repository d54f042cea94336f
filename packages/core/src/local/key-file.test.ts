import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { wrapping } from '#engine'
import { KeyfoldError } from '../errors.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { inspect } from '../wire/inspect.ts'
import {
  cheapScrypt,
  createdAt,
  keyBytes,
  openFileText,
  openWith,
  plaintext,
  sealedFileText,
  sealWith,
} from './key-file.test-support.ts'
import { parseKeyFile } from './key-file.ts'

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

function codeOf(run: () => unknown): string {
  const error = thrownBy(run)
  if (error === undefined || KeyfoldError.is(error)) return error?.code ?? 'nothing'
  throw error
}

const keyText = btoa('k'.repeat(32))
const validRow = { version: 1, createdAt, key: keyText }
const valid = { format: 'keyfold-keys', formatVersion: 1, keys: [{ name: 'a', versions: [validRow] }] }
const scrypt = { N: 16, r: 8, p: 1, salt: btoa('s'.repeat(16)) }
const sealed = {
  ...valid,
  scrypt,
  keys: [{ name: 'a', versions: [{ version: 1, createdAt, sealed: btoa('x'.repeat(60)) }] }],
}

describe('parseKeyFile', () => {
  test('seals with the newest version and opens with all', async () => {
    const first = await sealWith(parseKeyFile(openFileText({ a: 1 })))
    const key = parseKeyFile(openFileText({ a: 3 }))
    const third = await sealWith(key)
    const { plaintext: opened, openedBy } = await openWith(key, first)
    expect(opened).toEqual(plaintext)
    expect(openedBy).toEqual({ name: 'keyfold-local/a', providerId: 'keyfold-local', authenticatesWriter: true })
    const [entry] = inspect(third).encryptedDataKeys
    expect(new TextDecoder().decode(entry?.providerInfo.subarray(0, 3))).toBe('a/3')
  })

  test("makes entries that the format's raw AES keyring opens under the name NAME/N", async () => {
    const message = await sealWith(parseKeyFile(openFileText({ a: 2 })))
    const raw = rawAes({ namespace: 'keyfold-local', name: 'a/2', key: keyBytes(0, 1) })
    expect((await openWith(raw, message)).plaintext).toEqual(plaintext)
    expect((await openWith(parseKeyFile(openFileText({ a: 2 })), await sealWith(raw))).plaintext).toEqual(plaintext)
  })

  test('binds the context', async () => {
    const key = parseKeyFile(openFileText({ a: 1 }))
    const context = { contextBytes: Uint8Array.of(1), context: {} }
    const signal = new AbortController().signal
    const { SecretBytes } = await import('../secret-bytes.ts')
    const entry = await key.wrapDataKey?.({ ...context, dataKey: SecretBytes.from(new Uint8Array(32)) }, { signal })
    if (entry === undefined) throw new Error('no entry')
    const other = key.unwrapDataKey?.({ entry, length: 32, context: {}, contextBytes: Uint8Array.of(2) }, { signal })
    await expect(other).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  })

  test('describes the version that seals', async () => {
    const { signal } = new AbortController()
    expect(await parseKeyFile(openFileText({ a: 3 })).describe({ signal })).toEqual({
      state: 'enabled',
      version: '3',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      versions: 3,
    })
  })

  test('takes the only key, or the one called default, or the one that is named', () => {
    expect(parseKeyFile(openFileText({ a: 1 })).name).toBe('keyfold-local/a')
    expect(parseKeyFile(openFileText({ a: 1, default: 1 })).name).toBe('keyfold-local/default')
    expect(parseKeyFile(openFileText({ a: 1, b: 1 }), { name: 'b' }).name).toBe('keyfold-local/b')
  })

  test('without a name lists the names where none is obvious', () => {
    expect(() => parseKeyFile(openFileText({ a: 1, b: 1 }))).toThrow(/name one of its keys: "a", "b"/)
  })

  test('answers KEY_NOT_FOUND for a name that is not there, and for a version', async () => {
    expect(codeOf(() => parseKeyFile(openFileText({ a: 1 }), { name: 'b' }))).toBe('KEY_NOT_FOUND')
    const message = await sealWith(parseKeyFile(openFileText({ a: 2 })))
    await expect(openWith(parseKeyFile(openFileText({ a: 1 })), message)).rejects.toMatchObject({
      code: 'KEY_NOT_FOUND',
    })
  })

  test('accepts entries of its own name and shape alone', async () => {
    const key = parseKeyFile(openFileText({ a: 1 }))
    const tail = [0, 0, 0, 128, 0, 0, 0, 12, ...new Uint8Array(12)]
    const entry = (name: string, end: readonly number[] = tail, providerId = 'keyfold-local') => {
      const providerInfo = Uint8Array.of(...new TextEncoder().encode(name), ...end)
      return key.accepts({ providerId, providerInfo, ciphertext: new Uint8Array(48) })
    }
    expect(entry('a/1')).toBe(true)
    expect(entry('a/2147483647')).toBe(true)
    expect(entry('a/2147483648')).toBe(false)
    expect(entry('a/99999999999')).toBe(false)
    for (const name of ['b/1', 'a', 'a/', 'a/0', 'a/01', 'a/+1', 'a/1x', 'a/1/2', 'aa/1', ''])
      expect(entry(name), name).toBe(false)
    for (let length = 0; length < tail.length; length++) expect(entry('a/1', tail.slice(0, length))).toBe(false)
    expect(entry('a/1', [...tail, 0])).toBe(false)
    for (let at = 0; at < 8; at++)
      expect(
        entry(
          'a/1',
          tail.map((byte, index) => (index === at ? byte ^ 1 : byte)),
        ),
      ).toBe(false)
    expect(entry('a/1', tail, 'raw')).toBe(false)
  })
})

describe('a file sealed with a passphrase', () => {
  test('holds the same keys', async () => {
    const message = await sealWith(parseKeyFile(openFileText({ a: 1, b: 2 }), { name: 'b' }))
    const key = parseKeyFile(await sealedFileText({ a: 1, b: 2 }, 'tr0ub4dor'), { name: 'b', passphrase: 'tr0ub4dor' })
    expect((await openWith(key, message)).plaintext).toEqual(plaintext)
  })

  test('computes its scrypt on first use, and once', async () => {
    const text = await sealedFileText({ a: 2 }, 'p')
    const spy = vi.spyOn(wrapping, 'scrypt')
    const key = parseKeyFile(text, { passphrase: 'p' })
    expect(spy).toHaveBeenCalledTimes(0)
    const [one, two] = await Promise.all([sealWith(key), sealWith(key)])
    await Promise.all([openWith(key, one), openWith(key, two)])
    expect(spy).toHaveBeenCalledTimes(1)
    spy.mockRestore()
  })

  test('takes one accented passphrase however it is composed', async () => {
    const key = parseKeyFile(await sealedFileText({ a: 1 }, 'caf\u00e9'), { passphrase: 'cafe\u0301' })
    await openWith(key, await sealWith(key))
  })

  test('answers AUTHENTICATION_FAILED for a wrong passphrase, again and again', async () => {
    const key = parseKeyFile(await sealedFileText({ a: 1 }, 'right'), { passphrase: 'wrong' })
    await expect(sealWith(key)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    await expect(sealWith(key)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  })

  test('refuses a passphrase that is missing, not called for, or empty', async () => {
    const text = await sealedFileText({ a: 1 }, 'p')
    expect(codeOf(() => parseKeyFile(text))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => parseKeyFile(text, { passphrase: '' }))).toBe('INVALID_ARGUMENT')
    expect(codeOf(() => parseKeyFile(openFileText({ a: 1 }), { passphrase: 'p' }))).toBe('INVALID_ARGUMENT')
  })

  test.each([
    [{ name: 'b' }, {}],
    [{}, { version: 2 }],
    [{}, { createdAt: '2027-01-31T12:00:00.000Z' }],
  ])('does not open a key that was moved: %j %j', async (keyChange, rowChange) => {
    const file = JSON.parse(await sealedFileText({ a: 1 }, 'p'))
    Object.assign(file.keys[0], keyChange)
    Object.assign(file.keys[0].versions[0], rowChange)
    const key = parseKeyFile(JSON.stringify(file), { passphrase: 'p' })
    await expect(sealWith(key)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  })
})

describe('a malformed key file', () => {
  const row = (change: object): unknown => ({ ...valid, keys: [{ name: 'a', versions: [{ ...validRow, ...change }] }] })
  test.each<[string, unknown]>([
    ['no object', []],
    ['null', null],
    ['another format', { ...valid, format: 'x' }],
    ['no format version', { ...valid, formatVersion: undefined }],
    ['an unknown field', { ...valid, extra: 1 }],
    ['no keys', { ...valid, keys: undefined }],
    ['an empty list of keys', { ...valid, keys: [] }],
    ['a key that is no object', { ...valid, keys: ['a'] }],
    ['an empty name', { ...valid, keys: [{ name: '', versions: [validRow] }] }],
    ['a name with a slash', { ...valid, keys: [{ name: 'a/b', versions: [validRow] }] }],
    ['a name with a line break', { ...valid, keys: [{ name: 'a\nb', versions: [validRow] }] }],
    ['a name with a lone surrogate', { ...valid, keys: [{ name: '\ud800', versions: [validRow] }] }],
    ['a name too long for an entry', { ...valid, keys: [{ name: 'a'.repeat(65_536), versions: [validRow] }] }],
    ['a name twice', { ...valid, keys: [valid.keys[0], valid.keys[0]] }],
    ['a key without versions', { ...valid, keys: [{ name: 'a', versions: [] }] }],
    ['a version twice', { ...valid, keys: [{ name: 'a', versions: [validRow, validRow] }] }],
    ['version 0', row({ version: 0 })],
    ['version 1.5', row({ version: 1.5 })],
    ['version 2^31', row({ version: 2 ** 31 })],
    ['a version that is text', row({ version: '1' })],
    ['a date without its time', row({ createdAt: '2026-01-31' })],
    ['no date', row({ createdAt: undefined })],
    ['a key of 31 bytes', row({ key: btoa('k'.repeat(31)) })],
    ['a key of 33 bytes', row({ key: btoa('k'.repeat(33)) })],
    ['a key of a megabyte', row({ key: btoa('k'.repeat(2 ** 20)) })],
    ['a key that is no base64', row({ key: '*'.repeat(44) })],
    ['no key', row({ key: undefined })],
    ['a key both open and sealed', row({ sealed: keyText })],
    ['an open key in a sealed file', { ...valid, scrypt }],
    ['a sealed key in an open file', { ...sealed, scrypt: undefined }],
    ['a scrypt with an N that is no power of two', { ...sealed, scrypt: { ...scrypt, N: 24 } }],
    ['a scrypt with an N of 1', { ...sealed, scrypt: { ...scrypt, N: 1 } }],
    ['a scrypt with a short salt', { ...sealed, scrypt: { ...scrypt, salt: btoa('s') } }],
    ['a scrypt that is null', { ...sealed, scrypt: null }],
  ])('is refused: %s', (_what, file) => {
    expect(codeOf(() => parseKeyFile(JSON.stringify(file)))).toBe('INVALID_ARGUMENT')
  })

  test('is refused where it is no JSON, and where JSON.parse would quote it', () => {
    for (const text of ['', '{', `{"key": "${keyText}"`, `{"key": ${keyText}}`]) {
      const error = thrownBy(() => parseKeyFile(text))
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
      expect(error).not.toHaveProperty('cause')
      expect(String(error)).not.toContain(keyText.slice(0, 4))
    }
  })

  test('of a later version is UNSUPPORTED', () => {
    expect(codeOf(() => parseKeyFile(JSON.stringify({ ...valid, formatVersion: 2, more: {} })))).toBe('UNSUPPORTED')
  })

  test('may ask for a scrypt of 1 GiB and not of more', () => {
    const asking = (change: object): string =>
      codeOf(() => parseKeyFile(JSON.stringify({ ...sealed, scrypt: { ...scrypt, ...change } }), { passphrase: 'p' }))
    expect(asking({ N: 2 ** 20, r: 8 })).toBe('nothing')
    expect(asking({ N: 2 ** 21, r: 8 })).toBe('LIMIT_EXCEEDED')
    expect(asking({ N: 2 ** 20, r: 9 })).toBe('LIMIT_EXCEEDED')
    expect(asking({ N: 2, r: 2 ** 53 - 1 })).toBe('LIMIT_EXCEEDED')
    expect(asking({ p: 17 })).toBe('LIMIT_EXCEEDED')
  })

  test('of any content is a KeyfoldError that shows none of it', () => {
    const text = openFileText({ a: 2, b: 1 })
    const mutated = fc
      .tuple(fc.nat(text.length), fc.nat(40), fc.constantFrom('', '"', '}', ',', '1', '\\', '\u0000', 'null', '{"'))
      .map(([at, removed, inserted]) => text.slice(0, at) + inserted + text.slice(at + removed))
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json(), fc.string()), (content) => {
        try {
          parseKeyFile(content)
        } catch (error) {
          expect(KeyfoldError.is(error)).toBe(true)
          expect(String(error)).not.toMatch(/AQEBAQ|AgICAg/)
        }
      }),
      { numRuns: 300 },
    )
  })
})

test('the cheap scrypt of these tests is not the default', async () => {
  const { newScrypt } = await import('./passphrase.ts')
  expect(newScrypt()).toMatchObject({ N: 2 ** 17, r: 8, p: 1 })
  expect(newScrypt().salt).not.toBe(newScrypt().salt)
  expect(cheapScrypt.N).toBe(16)
})
