import { expect, test } from 'vitest'
import type { Reference } from '../reference.ts'
import { codeOf } from '../refusal.test-support.ts'
import { providerOf } from './doubles.test-support.ts'
import { type Adapter, createRegistry } from './registry.ts'

const adapterOf = (...schemes: readonly string[]): Adapter => ({
  keys: schemes.map((scheme) => ({ scheme, openKey: ({ name }: Reference) => providerOf(`${scheme} ${name}`, {}) })),
})

test('a reference becomes the key of its scheme', () => {
  const registry = createRegistry([adapterOf('awskms'), adapterOf('gcpkms', 'other')])
  expect(registry.schemes).toEqual(['awskms', 'gcpkms', 'other'])
  expect(registry.key('gcpkms://projects/p').name).toBe('gcpkms projects/p')
})

test('a scheme that no adapter has is UNSUPPORTED, and the text names those that there are', async () => {
  const registry = createRegistry([adapterOf('awskms')])
  await expect(async () => registry.key('gcpkms://projects/secret')).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: 'the scheme gcpkms is not in this registry, which has awskms',
  })
  expect(await codeOf(() => createRegistry([]).key('awskms://k'))).toBe('UNSUPPORTED')
})

test('what is no reference, and a scheme that two adapters have, is INVALID_ARGUMENT', async () => {
  expect(await codeOf(() => createRegistry([adapterOf('awskms')]).key('awskms'))).toBe('INVALID_ARGUMENT')
  expect(await codeOf(() => createRegistry([adapterOf('a'), adapterOf('a')]))).toBe('INVALID_ARGUMENT')
  const noSchemes = [undefined, {}, { scheme: 'a' }, { scheme: 'a', openKey: {} }, { openKey: () => undefined }]
  const noAdapters = [5, undefined, {}, { keys: {} }, ...noSchemes.map((scheme) => ({ keys: [scheme] }))]
  for (const wrong of [undefined, {}, ...noAdapters.map((adapter) => [adapter])]) {
    expect(await codeOf(() => createRegistry(wrong as never)), JSON.stringify(wrong)).toBe('INVALID_ARGUMENT') // as plain JavaScript may
  }
})
