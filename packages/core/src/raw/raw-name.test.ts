import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createEnvelope } from '../message/envelope.ts'
import { pattern } from '../pattern.test-support.ts'
import { codeOf } from '../refusal.test-support.ts'
import { inspect } from '../wire/inspect.ts'
import { rawAes } from './raw-aes.ts'
import { rawRsa } from './raw-rsa.ts'

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const kinds = [
  ['AES', (names: { namespace: string; name: string }) => rawAes({ ...names, key: pattern(32) })],
  ['RSA', (names: { namespace: string; name: string }) => rawRsa({ ...names, padding: 'oaep-sha256', publicKey })],
] as const

describe.each(kinds)('the names of a raw %s key', (_, keyOf) => {
  // spec: framework/keyring-interface.md#key-provider-id/2
  test.each(['aws-kms', 'aws-kms-rsa', 'aws-kms-hierarchy', 'aws-kmsx', 'aws-kms '])(
    'are not in AWS KMS’s namespace %j',
    async (namespace) => {
      expect(await codeOf(() => keyOf({ namespace, name: 'k' }))).toBe('INVALID_ARGUMENT')
    },
  )

  test.each(['aws', 'aws-km', 'my-aws-kms', 'AWS-KMS'])('may be in the namespace %j', (namespace) => {
    expect(keyOf({ namespace, name: 'aws-kms' }).providerId).toBe(namespace)
  })

  // spec: framework/keyring-interface.md#key-namespace/1
  // spec: framework/keyring-interface.md#key-name/1
  test.each([undefined, null, 7, '', '\ud800', 'a\udc00b', new Uint8Array(3), ['k'], 'x'.repeat(65536)])(
    'are text, well-formed, and not empty: not %j',
    async (bad) => {
      expect(await codeOf(() => keyOf({ namespace: bad as string, name: 'k' }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => keyOf({ namespace: 'n', name: bad as string }))).toBe('INVALID_ARGUMENT')
    },
  )

  // spec: framework/keyring-interface.md#key-provider-id/1
  // spec: framework/keyring-interface.md#key-provider-info/1
  test('stand in the message as UTF-8', async () => {
    const names = { namespace: 'näme', name: 'k€y 😀' }
    const sealed = Buffer.from(await createEnvelope({ keys: keyOf(names) }).encrypt(pattern(1)))
    const [entry] = inspect(sealed).encryptedDataKeys
    expect(entry?.providerId).toBe('näme')
    const utf8 = Buffer.from('k€y 😀')
    expect(Buffer.from(entry?.providerInfo ?? []).subarray(0, utf8.length)).toEqual(utf8)
    const field = Buffer.concat([Buffer.of(0, 5), Buffer.from('näme')])
    expect(sealed.indexOf(field)).toBeGreaterThan(0)
  })

  test.each([
    ['n'.repeat(21_845), 'k'],
    ['n'.repeat(21_846), 'k'],
    ['n'.repeat(65_515), 'k'],
    ['€'.repeat(21_838), 'k'],
    ['n', 'k'.repeat(65_515)],
  ])('that are accepted can also be sealed with, however long (%#)', async (namespace, name) => {
    const envelope = createEnvelope({ keys: keyOf({ namespace, name }) })
    const [entry] = inspect(await envelope.encrypt(pattern(1))).encryptedDataKeys
    expect(entry?.providerId).toBe(namespace)
  })
})
