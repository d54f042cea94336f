import { describe, expect, test } from 'vitest'
import { type KeyVaultAlgorithm, keyVault } from './index.ts'
import { credential } from './service.test-support.ts'

describe('a key', () => {
  test.each([
    ['http://shop.vault.azure.net/keys/orders'],
    ['https://shop.vault.azure.net/keys/../secrets'],
    ['https://shop.vault.azure.net/keys/..%2fsecrets'],
    ['https://shop.vault.azure.net/keys/%2e%2e'],
    ['https://shop.vault.azure.net/keys/a/b'],
    ['https://shop.vault.azure.net/keys/é'],
    ['https://shop.vault.azure.net/keys/a_b'],
    ['https://shop.vault.azure.net/keys/'],
    [`https://shop.vault.azure.net/keys/${'a'.repeat(128)}`],
    ['https://shop.vault.azure.net/secrets/orders'],
    ['https://shop.vault.azure.net/keys/orders?x=1'],
    ['https://shop.vault.azure.net/keys/orders#x'],
    ['https://user@shop.vault.azure.net/keys/orders'],
    ['https://shop.vault.azure.net:8443/keys/orders'],
    ['https://shop.vault.azure.net.example.com/keys/orders'],
    ['https://x.shop.vault.azure.net/keys/orders'],
    ['https://vault.azure.net/keys/orders'],
    ['https://evil.example.com/keys/orders'],
    ['https://127.0.0.1/keys/orders'],
  ])('%s is refused', (url) => {
    expect(() => keyVault(url)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  test.each([
    'vault.azure.net',
    'vault.azure.cn',
    'vault.usgovcloudapi.net',
    'managedhsm.azure.net',
    'managedhsm.azure.cn',
    'managedhsm.usgovcloudapi.net',
  ])('of %s is taken', (suffix) => {
    expect(keyVault(`https://Shop.${suffix}/keys/orders`).name).toBe(`shop.${suffix}/keys/orders`)
  })

  test('of another host is taken where hosts names that host, and its port', () => {
    const url = 'https://keys.example.com:8443/keys/orders'
    expect(keyVault(url, { hosts: ['Keys.example.com:8443'] }).name).toBe('keys.example.com:8443/keys/orders')
    for (const hosts of [['keys.example.com'], ['example.com:8443'], []]) {
      expect(() => keyVault(url, { hosts })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
  })

  test('of a vault is not symmetric, and none has an algorithm that there is not', () => {
    for (const algorithm of ['A256KW', 'A256GCM', 'RSA-OAEP', 'toString']) {
      const options = { algorithm: algorithm as KeyVaultAlgorithm } // as plain JavaScript would give it
      expect(() => keyVault('https://shop.vault.azure.net/keys/orders', options)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      )
    }
  })

  test('takes ready-made clients or the means to make some, not both', () => {
    const client = { cryptography: () => Promise.reject(new Error('not asked')) as never }
    expect(() => keyVault('https://shop.vault.azure.net/keys/orders', { credential: credential(), client })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
