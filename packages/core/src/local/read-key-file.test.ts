import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { openFileText, temporaryFolder } from './key-file.test-support.ts'
import { parseKeyFile } from './key-file.ts'
import { createLocalKey, rotateLocalKey } from './key-store.ts'
import { localKeys } from './local-keys.ts'

function keyFile(content: Uint8Array): string {
  const path = join(temporaryFolder(), 'keys.json')
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

test.each([
  ['a name with the bytes ff fe', Buffer.from(openFileText({ '\u00ff\u00fe': 1 }), 'latin1')],
  ['UTF-16', Buffer.from(`\ufeff${openFileText({ a: 1 })}`, 'utf16le')],
  ['a character cut short', Buffer.concat([Buffer.from(openFileText({ a: 1 })), Buffer.of(0xc3)])],
])('a file that is not UTF-8 is refused in words, and left as it is: %s', async (_what, content) => {
  const path = keyFile(content)
  for (const use of [() => localKeys(path), () => createLocalKey(path, { name: 'b' }), () => rotateLocalKey(path)]) {
    const error = await refusal(use)
    expect(error.code).toBe('INVALID_ARGUMENT')
    expect(error.message).toMatch(/keys\.json: it is not UTF-8: save it in that encoding$/)
  }
  expect(readFileSync(path)).toEqual(content)
})

test('a byte order mark is passed over, in a file as in a text, and not written back', async () => {
  const text = `\ufeff${openFileText({ a: 1 })}`
  const path = keyFile(Buffer.from(text))
  expect(localKeys(path).name).toBe('keyfold-local/a')
  expect(parseKeyFile(text).name).toBe('keyfold-local/a')
  await rotateLocalKey(path)
  expect(readFileSync(path, 'utf8')).toMatch(/^\{/)
})

test('a second byte order mark is no JSON, in a file as in a text', async () => {
  const text = `\ufeff\ufeff${openFileText({ a: 1 })}`
  expect(await codeOf(() => localKeys(keyFile(Buffer.from(text))))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(() => parseKeyFile(text))).toBe('INVALID_ARGUMENT')
})

test('bytes in the place of a text are refused: they would be decoded leniently', async () => {
  const bytes: unknown = Buffer.from(openFileText({ a: 1 }))
  expect(await codeOf(() => parseKeyFile(bytes as string))).toBe('INVALID_ARGUMENT') // what plain JavaScript may pass
})
