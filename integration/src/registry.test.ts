/* References of a configuration become keys of all four services, and of a file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyOf, createEnvelope, createRegistry, type Registry } from '@keyfold/core'
import { createLocalKey, local } from '@keyfold/core/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { providerIds, useFourKeys } from './four-keys.test-support.ts'
import { context, plaintext } from './messages.test-support.ts'

const four = useFourKeys()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyfold-registry-'))
  await createLocalKey(join(folder, 'keys.json'), { name: 'orders' })
})
afterAll(() => rm(folder, { recursive: true }))

function registry(): Registry {
  return createRegistry([...four.but().map(({ adapter }) => adapter), local()])
}

function references(): readonly string[] {
  return [...four.but().map(({ reference }) => reference), `local://${join(folder, 'keys.json')}?name=orders`]
}

test('one registry has the schemes of all', () => {
  expect(registry().schemes).toEqual(['awskms', 'gcpkms', 'azurekeyvault', 'hashivault', 'local'])
})

test('a message under a key of every scheme opens with each of them, and with each key that was made without a reference', async () => {
  const keys = references().map((reference) => registry().key(reference))
  const sealed = await createEnvelope({ keys: anyOf(keys) }).encrypt(plaintext, { context })
  const openers = [...references().map((reference) => registry().key(reference)), ...four.keys()]
  const opened = await Promise.all(openers.map((key) => createEnvelope({ keys: key }).decrypt(sealed, { context })))
  expect(opened.map(({ openedBy }) => openedBy.providerId)).toEqual([...providerIds, 'keyfold-local', ...providerIds])
  for (const one of opened) expect(one.plaintext).toEqual(plaintext)
  await Promise.all([...keys, ...openers.slice(0, keys.length)].map((key) => key.close?.()))
})
