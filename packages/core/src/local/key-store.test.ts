import { spawn } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../refusal.test-support.ts'
import {
  openFileText,
  openWith,
  plaintext,
  sealedFileText,
  sealWith,
  temporaryFolder,
} from './key-file.test-support.ts'
import { createLocalKey, listLocalKeys, rotateLocalKey } from './key-store.ts'
import { localKeys } from './local-keys.ts'

const posix = process.platform !== 'win32'

function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}

function keyFile(text: string, mode = 0o600): string {
  const path = join(temporaryFolder(), 'keys.json')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

describe('createLocalKey', () => {
  test('makes a file of mode 0600, whatever the umask, and nothing else in the folder', async () => {
    const path = join(temporaryFolder(), 'keys.json')
    const umask = process.umask(0)
    try {
      expect(await createLocalKey(path)).toMatchObject({ name: 'default', version: 1 })
    } finally {
      process.umask(umask)
    }
    if (posix) expect(modeOf(path)).toBe(0o600)
    expect(readdirSync(join(path, '..'))).toEqual(['keys.json'])
    const key = localKeys(path)
    expect((await openWith(key, await sealWith(key))).plaintext).toEqual(plaintext)
  })

  test('adds a key beside the others, and every key is another', async () => {
    const path = join(temporaryFolder(), 'keys.json')
    await createLocalKey(path, { name: 'a' })
    const message = await sealWith(localKeys(path))
    await createLocalKey(path, { name: 'b' })
    expect((await openWith(localKeys(path, { name: 'a' }), message)).plaintext).toEqual(plaintext)
    expect(new Set(readFileSync(path, 'utf8').match(/"key": "[^"]+"/g)).size).toBe(2)
  })

  test('refuses a name that is taken, and changes nothing', async () => {
    const path = keyFile(openFileText({ a: 1 }))
    await expect(createLocalKey(path, { name: 'a' })).rejects.toMatchObject({ code: 'CONFLICT', retryable: false })
    expect(readFileSync(path, 'utf8')).toBe(openFileText({ a: 1 }))
  })

  test.each(['', 'a/b', 'a\u0000', '\udc00', 'n'.repeat(65_600)])('refuses the name %j', async (name) => {
    const path = join(temporaryFolder(), 'keys.json')
    await expect(createLocalKey(path, { name })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('refuses a folder that does not exist, and a file that is none of its own', async () => {
    const folder = temporaryFolder()
    await expect(createLocalKey(join(folder, 'x', 'keys.json'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    const other = join(folder, 'package.json')
    writeFileSync(other, '{"name":"x"}', { mode: 0o600 })
    await expect(createLocalKey(other)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(readFileSync(other, 'utf8')).toBe('{"name":"x"}')
  })

  test.each([
    ['250 bytes', 'k'.repeat(250)],
    ['250 bytes, three to a character', `k${'\u9375'.repeat(83)}`],
    ['249 bytes, with a surrogate pair where it is cut', `k${'\u{1f511}'.repeat(62)}`],
  ])('makes and rotates a file whose name has %s', async (_what, name) => {
    const folder = temporaryFolder()
    await createLocalKey(join(folder, name))
    expect((await rotateLocalKey(join(folder, name))).version).toBe(2)
    expect(readdirSync(folder)).toEqual([name])
  })

  test.runIf(posix).each([251, 256])('refuses a file name of %i bytes in words, and makes nothing', async (length) => {
    const folder = temporaryFolder()
    const { code, message } = await refusal(() => createLocalKey(join(folder, 'k'.repeat(length))))
    expect(code).toBe('INVALID_ARGUMENT')
    expect(message).toMatch(/its path is too long, or its name with \.lock at the end$/)
    expect(readdirSync(folder)).toEqual([])
  })

  test('seals a new file with a passphrase, by a scrypt of N 2^17', async () => {
    const path = join(temporaryFolder(), 'keys.json')
    await createLocalKey(path, { passphrase: 'p' })
    const text = readFileSync(path, 'utf8')
    expect(JSON.parse(text)).toMatchObject({ scrypt: { N: 131072, r: 8, p: 1 } })
    expect(text).not.toContain('"key"')
    const key = localKeys(path, { passphrase: 'p' })
    expect((await openWith(key, await sealWith(key))).plaintext).toEqual(plaintext)
  })

  test.runIf(posix)('follows a symbolic link, and refuses one to nothing', async () => {
    const folder = temporaryFolder()
    const link = join(folder, 'link.json')
    symlinkSync('keys.json', link)
    await expect(createLocalKey(link)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await createLocalKey(join(folder, 'keys.json'), { name: 'a' })
    await createLocalKey(link, { name: 'b' })
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect((await listLocalKeys(join(folder, 'keys.json'))).keys.map(({ name }) => name)).toEqual(['a', 'b'])
  })
})

describe('rotateLocalKey', () => {
  test('adds a version that seals, and keeps the old ones for opening', async () => {
    const path = keyFile(openFileText({ a: 1, b: 1 }))
    const old = await sealWith(localKeys(path, { name: 'b' }))
    expect(await rotateLocalKey(path, { name: 'b' })).toMatchObject({ name: 'b', version: 2 })
    const { keys } = await listLocalKeys(path)
    expect(keys.map(({ name, versions }) => [name, versions.map(({ version }) => version)])).toEqual([
      ['a', [1]],
      ['b', [1, 2]],
    ])
    expect((await openWith(localKeys(path, { name: 'b' }), old)).plaintext).toEqual(plaintext)
  })

  test('needs the passphrase of a sealed file, and leaves the file alone without it', async () => {
    const text = await sealedFileText({ a: 1 }, 'right')
    const path = keyFile(text)
    await expect(rotateLocalKey(path)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(rotateLocalKey(path, { passphrase: 'wrong' })).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(readFileSync(path, 'utf8')).toBe(text)
    await rotateLocalKey(path, { passphrase: 'right' })
    const key = localKeys(path, { passphrase: 'right' })
    expect((await openWith(key, await sealWith(key))).openedBy.name).toBe('keyfold-local/a')
    expect(await listLocalKeys(path)).toMatchObject({ sealed: true, keys: [{ versions: [{}, { version: 2 }] }] })
  })

  test('refuses a passphrase for a file that is not sealed', async () => {
    await expect(rotateLocalKey(keyFile(openFileText({ a: 1 })), { passphrase: 'p' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  test('answers KEY_NOT_FOUND for a file or name that is not there', async () => {
    const path = keyFile(openFileText({ a: 1 }))
    await expect(rotateLocalKey(`${path}x`)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
    await expect(rotateLocalKey(path, { name: 'b' })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
  })

  test.runIf(posix)('keeps the mode of a sealed file that others may read', async () => {
    const path = keyFile(await sealedFileText({ a: 1 }, 'p'), 0o640)
    await rotateLocalKey(path, { passphrase: 'p' })
    expect(modeOf(path)).toBe(0o640)
  })

  test('refuses a version past the last', async () => {
    const path = keyFile(openFileText({ a: 1 }).replace('"version": 1', `"version": ${2 ** 31 - 1}`))
    await expect(rotateLocalKey(path)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('loses no version when many rotate at once, in one process and in several', async () => {
    const path = keyFile(openFileText({ a: 1 }))
    const module = JSON.stringify(new URL('./key-store.ts', import.meta.url).href)
    const program = `import { rotateLocalKey } from ${module}
for (let n = 0; n < 5; n++) await rotateLocalKey(process.argv[1])`
    const children = [1, 2].map(() => {
      const child = spawn(process.execPath, [
        '--conditions=@keyfold/source',
        '--input-type=module',
        '-e',
        program,
        path,
      ])
      return new Promise((resolve) => child.on('close', resolve))
    })
    await Promise.all(Array.from({ length: 10 }, () => rotateLocalKey(path)))
    expect(await Promise.all(children)).toEqual([0, 0])
    const versions = (await listLocalKeys(path)).keys[0]?.versions.map(({ version }) => version)
    expect(versions).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
    expect(readdirSync(join(path, '..'))).toEqual(['keys.json'])
  })
})

describe('localKeys', () => {
  test('answers KEY_NOT_FOUND at once for a file that is not there', () => {
    expect(() => localKeys(join(temporaryFolder(), 'keys.json'))).toThrow(
      expect.objectContaining({ code: 'KEY_NOT_FOUND' }),
    )
  })

  test.runIf(posix).each([0o640, 0o604, 0o620, 0o602, 0o610, 0o601])(
    'refuses an open file of mode %o, at once',
    (mode) => {
      const path = keyFile(openFileText({ a: 1 }), mode)
      expect(() => localKeys(path)).toThrow(expect.objectContaining({ code: 'POLICY_VIOLATION' }))
      expect(() => localKeys(path)).toThrow(/chmod 600/)
    },
  )

  test.runIf(posix)('takes a sealed file that others may read, and an open one of mode 0400', async () => {
    localKeys(keyFile(await sealedFileText({ a: 1 }, 'p'), 0o644), { passphrase: 'p' })
    localKeys(keyFile(openFileText({ a: 1 }), 0o400))
  })

  test('refuses a folder, and a file of more than 16 MiB', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'keys.json'))
    expect(() => localKeys(join(folder, 'keys.json'))).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    const large = keyFile(' '.repeat(16 * 2 ** 20 + 1))
    expect(() => localKeys(large)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  })

  test('reads the file again for a version that another process made, and seals with it from then on', async () => {
    const path = keyFile(openFileText({ a: 1 }))
    const held = localKeys(path)
    await rotateLocalKey(path)
    const { signal } = new AbortController()
    expect((await held.describe?.({ signal }))?.version).toBe('1')
    const messages = await Promise.all([sealWith(localKeys(path)), sealWith(localKeys(path))])
    for (const opened of await Promise.all(messages.map((message) => openWith(held, message)))) {
      expect(opened.plaintext).toEqual(plaintext)
    }
    expect((await held.describe?.({ signal }))?.version).toBe('2')
  })

  const written = new Date(2026, 0, 31)
  const write = (path: string, text: string, time: Date) => {
    writeFileSync(path, text, { mode: 0o600 })
    utimesSync(path, time, time)
  }
  test.each<[string, (path: string, text: string) => void]>([
    [
      'inode',
      (path, text) => {
        write(`${path}.new`, text, written)
        renameSync(`${path}.new`, path)
      },
    ],
    ['size', (path, text) => write(path, `${text}\n`, written)],
    ['time', (path, text) => write(path, text, new Date(2026, 1, 1))],
  ])('reads the file again where nothing but its %s tells that it is another', async (_what, replace) => {
    const path = keyFile(openFileText({ a: 1 }))
    utimesSync(path, written, written)
    const held = localKeys(path)
    replace(path, openFileText({ a: 1 }).replace('"version": 1', '"version": 2'))
    const message = await sealWith(localKeys(path))
    expect((await openWith(held, message)).plaintext).toEqual(plaintext)
  })

  test('stays with its key when the file gets a default one', async () => {
    const path = keyFile(openFileText({ a: 1 }))
    const held = localKeys(path)
    await createLocalKey(path)
    await rotateLocalKey(path, { name: 'a' })
    const message = await sealWith(localKeys(path, { name: 'a' }))
    expect((await openWith(held, message)).plaintext).toEqual(plaintext)
  })

  test('answers KEY_NOT_FOUND where the file has the version neither, or is gone; what it holds still works', async () => {
    const path = keyFile(openFileText({ a: 1 }))
    const held = localKeys(path)
    const message = await sealWith(localKeys(keyFile(openFileText({ a: 2 }))))
    await expect(openWith(held, message)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
    rmSync(path)
    await expect(openWith(held, message)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
    expect((await openWith(held, await sealWith(held))).plaintext).toEqual(plaintext)
  })

  test('heeds an abort', async () => {
    const held = localKeys(keyFile(openFileText({ a: 1 })))
    const entry = { providerId: 'keyfold-local', providerInfo: new Uint8Array(0), ciphertext: new Uint8Array(0) }
    const call = held.unwrapDataKey?.(
      { entry, length: 32, context: {}, contextBytes: entry.ciphertext },
      { signal: AbortSignal.abort() },
    )
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

test('a misspelt passphrase seals no key file in silence', async () => {
  const path = join(temporaryFolder(), 'keys.json')
  const misspelt = { pasphrase: 'secret' } as object // what plain JavaScript may pass
  await expect(createLocalKey(path, misspelt)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(() => statSync(path)).toThrow()
})
