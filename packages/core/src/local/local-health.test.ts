import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeOf } from '../refusal.test-support.ts'
import { createdAt, openFileText, sealedFileText, temporaryFolder } from './key-file.test-support.ts'
import { createLocalKey, listLocalKeys, rotateLocalKey } from './key-store.ts'
import { localKeys } from './local-keys.ts'

const posix = process.platform !== 'win32'
const { signal } = new AbortController()

function keyFile(text: string, mode = 0o600): string {
  const path = join(temporaryFolder(), 'keys.json')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

test('a local key describes the version that seals, and its file', async () => {
  expect(await localKeys(keyFile(openFileText({ a: 3 }))).describe({ signal })).toEqual({
    state: 'enabled',
    version: '3',
    createdAt,
    versions: 3,
    sealed: false,
    ...(posix && { mode: '600', concerns: [] }),
  })
})

test.runIf(posix)('a sealed file that others have rights to is a concern, as its rights are now', async () => {
  const path = keyFile(await sealedFileText({ a: 1 }, 'pass'), 0o640)
  const key = localKeys(path, { passphrase: 'pass' })
  expect(await key.describe({ signal })).toMatchObject({ sealed: true, mode: '640', concerns: ['exposed-file'] })
  chmodSync(path, 0o611)
  expect(await key.describe({ signal })).toMatchObject({ mode: '611', concerns: ['exposed-file'] })
  chmodSync(path, 0o600)
  expect(await key.describe({ signal })).toMatchObject({ mode: '600', concerns: [] })
})

test('a path that is none is refused', async () => {
  for (const path of [undefined, 5, 'a\0b'] as string[]) {
    const calls = [
      () => localKeys(path),
      () => createLocalKey(path),
      () => rotateLocalKey(path),
      () => listLocalKeys(path),
    ]
    expect(await Promise.all(calls.map(codeOf))).toEqual(Array(4).fill('INVALID_ARGUMENT'))
  }
})

test('describing finds a wrong passphrase, and a file that is gone', async () => {
  const path = keyFile(await sealedFileText({ a: 1 }, 'pass'))
  expect(await codeOf(() => localKeys(path, { passphrase: 'word' }).describe({ signal }))).toBe('AUTHENTICATION_FAILED')
  const key = localKeys(path, { passphrase: 'pass' })
  rmSync(path)
  expect(await codeOf(() => key.describe({ signal }))).toBe('KEY_NOT_FOUND')
})
