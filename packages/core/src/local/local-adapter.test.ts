import { expect, test } from 'vitest'
import { parseReference } from '../reference.ts'
import { codeOf } from '../refusal.test-support.ts'
import { local, parseLocalReference } from './local-adapter.ts'

test('a misspelt passphrase is refused before there is any key', async () => {
  const misspelt: object = { pasphrase: 'secret' } // what plain JavaScript may pass
  expect(await codeOf(() => local(misspelt))).toBe('INVALID_ARGUMENT')
})

test('a reference names a file and perhaps a key; of another scheme it is UNSUPPORTED', async () => {
  const parse = (text: string) => parseLocalReference(parseReference(text))
  expect(parse('local://../keys.json?name=orders')).toEqual({ path: '../keys.json', name: 'orders' })
  expect(parse('local:///etc/keys.json')).toEqual({ path: '/etc/keys.json', name: undefined })
  expect(await codeOf(() => parse('awskms:///alias/orders'))).toBe('UNSUPPORTED')
  expect(await codeOf(() => parse('local://keys.json?nmae=orders'))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(() => parse('local://keys.json#orders'))).toBe('INVALID_ARGUMENT')
})
