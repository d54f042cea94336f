import { createRegistry } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { azure, keyVault } from './index.ts'
import { dataKeyOf, optionsFor, plainContext, unhurried, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()
const version = '0123456789abcdef0123456789abcdef'

test('an option that is not known is refused, and the known ones named', () => {
  const refused = (make: () => unknown, text: string) =>
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(text) }))
  // Of no type that says what is in them: as plain JavaScript gives them.
  const misspelt: object = { algoritm: 'A256GCM' }
  const misplaced: object = { algorithm: 'A256GCM' }
  const url = 'https://shop.managedhsm.azure.net/keys/orders'
  refused(() => keyVault(url, { ...misspelt }), 'keyVault: unknown option "algoritm"; known are algorithm, credential,')
  refused(() => azure({ ...misplaced }), 'azure: unknown option "algorithm"; known are credential,')
})

describe('a reference', () => {
  test.each([
    ['azurekeyvault://shop.vault.azure.net/keys/orders', 'shop.vault.azure.net/keys/orders', false],
    ['azurekeyvault:///shop.vault.azure.net/keys/orders', 'shop.vault.azure.net/keys/orders', false],
    [`azurekeyvault://Shop.vault.azure.cn/keys/orders/${version}`, 'shop.vault.azure.cn/keys/orders', false],
    [
      'azurekeyvault://shop.managedhsm.azure.net/keys/orders?algorithm=A256GCM',
      'shop.managedhsm.azure.net/keys/orders',
      true,
    ],
  ])('%s names a key', (reference, name, bindsContext) => {
    expect(createRegistry([azure()]).key(reference)).toMatchObject({ name, bindsContext, providerId: 'azure-keyvault' })
  })

  test.each([
    'azurekeyvault://shop.vault.azure.net/keys',
    'azurekeyvault://shop.vault.azure.net/orders',
    'azurekeyvault://shop.vault.azure.net/secrets/orders',
    'azurekeyvault://shop.vault.azure.net/keys/orders/1',
    `azurekeyvault://shop.vault.azure.net/keys/orders/${version}/more`,
    'azurekeyvault://shop.vault.azure.net/keys/a%2fb',
    'azurekeyvault://shop.vault.azure.net/keys/../sys/seal',
    'azurekeyvault://shop.vault.azure.net/keys/%2e%2e',
    'azurekeyvault://shop.vault.azure.net/keys/schl%C3%BCssel',
    'azurekeyvault://shop.vault.azure.net/keys/orders#field',
    'azurekeyvault://shop.vault.azure.net/keys/orders?algoritm=A256GCM',
    'azurekeyvault://shop.vault.azure.net/keys/orders?algorithm=A256GCM',
    'azurekeyvault://shop.managedhsm.azure.net/keys/orders?algorithm=AES',
    'azurekeyvault://user@shop.vault.azure.net/keys/orders',
    'azurekeyvault://evil.example.com/keys/orders',
  ])('%s is refused', (reference) => {
    expect(() => createRegistry([azure()]).key(reference)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })

  test('opens a key under the options of the adapter', async () => {
    const { vaultUrl } = fixture.server()
    const registry = createRegistry([azure(optionsFor(fixture.server()))])
    const key = registry.key(`azurekeyvault://${vaultUrl.slice(8)}/keys/orders`)
    const entry = await key.wrapDataKey?.({ dataKey: dataKeyOf(32).dataKey, ...plainContext }, unhurried)
    expect(entry?.providerId).toBe('azure-keyvault')
  })
})
