import { describe, expect, test } from 'vitest'
import { commitmentLength, formatSuiteId, ivLength, suites, tagLength } from './table.ts'

/** Source: algorithm-suites.md, "Supported Algorithm Suites", and the AWS Encryption SDK's developer guide. */
const published = [
  // id, version, message id, AES bits, HKDF's hash, commits, curve, signature's hash
  [0x0578, 2, 32, 256, 'sha512', true, 'P-384', 'sha384', 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384'],
  [0x0478, 2, 32, 256, 'sha512', true, undefined, undefined, 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY'],
  [0x0378, 1, 16, 256, 'sha384', false, 'P-384', 'sha384', 'AES_256_GCM_HKDF_SHA384_ECDSA_P384'],
  [0x0346, 1, 16, 192, 'sha384', false, 'P-384', 'sha384', 'AES_192_GCM_HKDF_SHA384_ECDSA_P384'],
  [0x0214, 1, 16, 128, 'sha256', false, 'P-256', 'sha256', 'AES_128_GCM_HKDF_SHA256_ECDSA_P256'],
  [0x0178, 1, 16, 256, 'sha256', false, undefined, undefined, 'AES_256_GCM_HKDF_SHA256'],
  [0x0146, 1, 16, 192, 'sha256', false, undefined, undefined, 'AES_192_GCM_HKDF_SHA256'],
  [0x0114, 1, 16, 128, 'sha256', false, undefined, undefined, 'AES_128_GCM_HKDF_SHA256'],
  [0x0078, 1, 16, 256, undefined, false, undefined, undefined, 'AES_256_GCM_NO_KDF'],
  [0x0046, 1, 16, 192, undefined, false, undefined, undefined, 'AES_192_GCM_NO_KDF'],
  [0x0014, 1, 16, 128, undefined, false, undefined, undefined, 'AES_128_GCM_NO_KDF'],
] as const

describe('the table of suites', () => {
  // spec: framework/algorithm-suites.md#structure/1
  test.each(published)(
    'has suite %i as it is published',
    (id, version, idLength, bits, kdfHash, committing, curve, hash) => {
      const suite = suites.get(id)
      expect(suite).toMatchObject({ id, messageVersion: version, messageIdLength: idLength, committing })
      expect(suite?.cipher).toBe(`aes-${bits}-gcm`)
      expect(suite?.keyLength).toBe(bits / 8)
      expect(suite?.dataKeyLength).toBe(bits / 8)
      expect(suite?.kdfHash).toBe(kdfHash)
      expect(suite?.signature?.curve).toBe(curve)
      expect(suite?.signature?.hash).toBe(hash)
      expect(suite?.signature?.publicKeyLength).toBe(curve && (curve === 'P-384' ? 49 : 33))
    },
  )

  // spec: framework/algorithm-suites.md#supported-algorithm-suites/2
  // spec: framework/algorithm-suites.md#algorithm-suite-id/1
  test('has each number once, and no other number', () => {
    expect([...suites.keys()]).toEqual(published.map(([id]) => id))
    for (const [id, suite] of suites) expect(suite.id).toBe(id)
  })

  // spec: framework/algorithm-suites.md#supported-algorithm-suites/1
  test('has no suite 0x0000', () => {
    expect(suites.has(0)).toBe(false)
  })

  // spec: framework/algorithm-suites.md#supported-formats/1
  test('has the published names, none twice', () => {
    const names = published.map((row) => row[8])
    expect([...suites.values()].map(({ name }) => name)).toEqual(names)
    expect(new Set(names).size).toBe(11)
  })

  // spec: framework/algorithm-suites.md#identity-kdf/2
  test('has keys as long as the data key where nothing is derived', () => {
    const underived = [...suites.values()].filter(({ kdfHash }) => kdfHash === undefined)
    expect(underived.map(({ keyLength, dataKeyLength }) => [keyLength, dataKeyLength])).toEqual([
      [32, 32],
      [24, 24],
      [16, 16],
    ])
  })

  test('has the lengths of iv, tag and commitment', () => {
    expect([ivLength, tagLength, commitmentLength]).toEqual([12, 16, 32])
  })

  test('writes a number with all its digits', () => {
    expect([0x0478, 0x0014, 0, 0xffff].map(formatSuiteId)).toEqual(['0x0478', '0x0014', '0x0000', '0xffff'])
  })
})
