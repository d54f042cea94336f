import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdtemp, open, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { setUp } from '../message/fixtures.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { fileSource } from './file-source.ts'

const folder = await mkdtemp(join(tmpdir(), 'keyfold-'))
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => void vi.restoreAllMocks())

const { envelope } = setUp(0x0478)
const plaintext = pattern(1000)
const sealed = await envelope.encrypt(plaintext, { frameLength: 64 })
const { signal } = new AbortController()

let files = 0
async function newFile(bytes: Uint8Array = sealed): Promise<string> {
  files += 1
  const path = join(folder, `message-${files}`)
  await writeFile(path, bytes)
  return path
}

describe('a path is refused that leads to', () => {
  test('nothing', async () => {
    const path = join(folder, 'missing')
    const error = await refusal(() => fileSource(path))
    expect([error.code, error.retryable]).toEqual(['INVALID_ARGUMENT', false])
    expect(error.message).toBe(`${path}: it cannot be read (ENOENT)`)
    expect(await codeOf(() => fileSource(''))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(async () => fileSource(join(await newFile(), 'within')))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => fileSource('x'.repeat(5000)))).toBe('INVALID_ARGUMENT')
  })

  test('a folder', async () => {
    expect(await codeOf(() => fileSource(folder))).toBe('INVALID_ARGUMENT')
  })

  test('a named pipe, without waiting for its writer', async ({ skip }) => {
    if (process.platform === 'win32') skip('named pipes have no paths here')
    const path = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', [path])
    expect(await codeOf(() => fileSource(path))).toBe('INVALID_ARGUMENT')
  })

  test('a socket', async ({ skip }) => {
    if (process.platform === 'win32') skip('sockets have no paths here')
    const path = join(folder, 'socket')
    const server = createServer().listen(path)
    await new Promise((listening) => server.once('listening', listening))
    expect(await codeOf(() => fileSource(path))).toBe('INVALID_ARGUMENT')
    server.close()
  })

  test('a device that never ends', async ({ skip }) => {
    if (process.platform === 'win32') skip('there is no /dev/zero here')
    expect(await codeOf(() => fileSource('/dev/zero'))).toBe('INVALID_ARGUMENT')
  })

  test('itself', async () => {
    const path = join(folder, 'loop')
    await symlink(path, path)
    expect(await codeOf(() => fileSource(path))).toBe('INVALID_ARGUMENT')
  })

  test('what the user may not read', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('as root every file may be read: run the tests as another user')
    if (process.platform === 'win32') skip('no modes here')
    const path = await newFile()
    await chmod(path, 0o000)
    expect(await codeOf(() => fileSource(path))).toBe('ACCESS_DENIED')
  })

  test('no place at all, being no text or with a zero in it', async () => {
    for (const path of [undefined, null, 5, {}, 'a\0b'] as string[]) {
      expect(await codeOf(() => fileSource(path))).toBe('INVALID_ARGUMENT')
    }
  })
})

test('a link to a file reads as the file', async () => {
  const path = join(folder, 'link')
  await symlink(await newFile(), path)
  await using source = await fileSource(path)
  expect(await envelope.decryptRange(source, { start: 60, end: 200 })).toEqual(plaintext.slice(60, 200))
})

test('an empty file is a source, and no message', async () => {
  await using source = await fileSource(await newFile(new Uint8Array(0)))
  expect(source.size).toBe(0)
  expect(await codeOf(() => envelope.openRange(source))).toBe('MALFORMED_MESSAGE')
})

test('each read is in memory of its own', async () => {
  await using source = await fileSource(await newFile())
  const parts = await Promise.all([source.read(0, 50, { signal }), source.read(0, 50, { signal })])
  parts[0]?.fill(0)
  expect(parts[1]).toEqual(sealed.slice(0, 50))
})

/** Answers the reads of open files in the system's place. */
async function answerReads(answer: (buffer: Uint8Array, length: number) => unknown): Promise<void> {
  await using handle = await open(await newFile())
  const read = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'read')
  const answering = async (buffer: Uint8Array, _offset: number, length: number) => answer(buffer, length)
  read.mockImplementation(answering as never)
}

test('no more is asked of the system at once than Node can, which ends the process for 2³¹ bytes', async () => {
  const asked: number[] = []
  await answerReads((buffer, length) => {
    asked.push(length)
    return { bytesRead: length, buffer } // untouched: no memory is taken for zeros that nobody reads or writes
  })
  await using source = await fileSource(await newFile())
  expect((await source.read(0, 2 ** 31 + 9, { signal })).length).toBe(2 ** 31 + 9)
  expect(asked).toEqual([2 ** 30, 2 ** 30, 9])
})

test.each([
  ['EIO', 'UNAVAILABLE'],
  ['EMFILE', 'UNAVAILABLE'],
  ['ESTALE', 'UNAVAILABLE'],
  ['EBADMSG', 'UNKNOWN'],
])('a read that fails with %s is %s', async (code, expected) => {
  await answerReads(() => {
    throw Object.assign(new Error(code), { code })
  })
  await using source = await fileSource(await newFile())
  expect(await codeOf(() => source.read(0, 9, { signal }))).toBe(expected)
})

describe('while it is open', () => {
  test('a file that is replaced under its name stays the one that was opened', async () => {
    const path = await newFile()
    await using source = await fileSource(path)
    await using reader = await envelope.openRange(source)
    await rename(await newFile(await envelope.encrypt(pattern(1000, 9), { frameLength: 64 })), path)
    expect(await reader.read(0, 1000)).toEqual(plaintext)
    await rm(path)
    expect(await reader.read(0, 1000)).toEqual(plaintext)
    expect(source.size).toBe(sealed.length)
  })

  test('a file that grows keeps its size, and so its message', async () => {
    const path = await newFile()
    await using source = await fileSource(path)
    await appendFile(path, sealed)
    expect(source.size).toBe(sealed.length)
    expect(await envelope.decryptRange(source, { start: 0, end: 1000 })).toEqual(plaintext)
  })

  test('a file that is cut gives what is left, and the reader an error for the rest', async () => {
    const path = await newFile()
    await using source = await fileSource(path)
    await using reader = await envelope.openRange(source)
    await truncate(path, 400)
    expect(await reader.read(0, 64)).toEqual(plaintext.slice(0, 64))
    expect(await codeOf(() => reader.read(0, 1000))).toBe('TRANSPORT_CORRUPTION')
    expect((await source.read(390, 410, { signal })).length).toBe(10)
  })

  test('a file that is written over is not what was sealed', async () => {
    const path = await newFile()
    await using source = await fileSource(path)
    await using reader = await envelope.openRange(source)
    await writeFile(path, await envelope.encrypt(pattern(1000, 9), { frameLength: 64 }))
    expect(await codeOf(() => reader.read(0, 64))).toBe('AUTHENTICATION_FAILED')
  })
})

describe('disposing of a file', () => {
  test('may be done twice, and ends its reads', async () => {
    const source = await fileSource(await newFile())
    await using reader = await envelope.openRange(source)
    await source[Symbol.asyncDispose]()
    await source[Symbol.asyncDispose]()
    const error = await refusal(() => reader.read(0, 64))
    expect([error.code, error.retryable]).toEqual(['INVALID_ARGUMENT', false])
  })

  test('waits for the reads that are under way', async () => {
    const source = await fileSource(await newFile())
    const reading = source.read(0, sealed.length, { signal })
    await source[Symbol.asyncDispose]()
    expect(await reading).toEqual(sealed)
  })

  test('is left to its owner by openRange and decryptRange', async () => {
    await using source = await fileSource(await newFile())
    await envelope.decryptRange(source, { start: 0, end: 9 })
    await (await envelope.openRange(source))[Symbol.asyncDispose]()
    expect((await source.read(0, 9, { signal })).length).toBe(9)
  })
})
