import { createCipheriv, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { engine } from '#engine'
import { pattern } from '../pattern.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { type Suite, suites } from '../suite/table.ts'

const all = [...suites.values()]
const named = (list: readonly Suite[]) => list.map((suite) => [suite.name, suite] as const)
const committing = named(all.filter((suite) => suite.committing))
const derivedOnly = named(all.filter((suite) => suite.kdfHash !== undefined && !suite.committing))
const underived = named(all.filter((suite) => suite.kdfHash === undefined))

const messageIdOf = (suite: Suite) => pattern(suite.messageIdLength, 9)
const idOf = (suite: Suite) => Buffer.of(suite.id >> 8, suite.id & 0xff)
const aad = Buffer.from('what stands in the header')

function keyOf(suite: Suite, dataKey: Uint8Array, messageId = messageIdOf(suite)) {
  return engine.messageKey(suite, SecretBytes.from(dataKey.slice()), messageId)
}

/** The header's tag under a key, by node:crypto alone: what tells one derived key from every other. */
function tagUnder(key: ArrayBuffer | Uint8Array, bits: number): Buffer {
  const cipher = createCipheriv(`aes-${bits as 256}-gcm`, Buffer.from(key as ArrayBuffer), Buffer.alloc(12))
  cipher.setAAD(aad)
  cipher.final()
  return cipher.getAuthTag()
}

async function tagOf(suite: Suite, dataKey: Uint8Array, messageId?: Uint8Array<ArrayBuffer>): Promise<Buffer> {
  using key = await keyOf(suite, dataKey, messageId)
  return Buffer.from(await key.headerTag(aad))
}

describe('the key of a message', () => {
  // spec: framework/algorithm-suites.md#algorithm-suite-id/2
  // spec: framework/algorithm-suites.md#encryption-key-derivation-algorithm/1
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/1
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/2
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/3
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/6
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/7
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/8
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/9
  test.each(committing)(
    'is what HKDF makes of suite and DERIVEKEY, salted with the message id: %s',
    async (_, suite) => {
      const dataKey = pattern(32, 1)
      const info = Buffer.concat([idOf(suite), Buffer.from('DERIVEKEY')])
      const expected = hkdfSync('sha512', dataKey, messageIdOf(suite), info, 32)
      expect(await tagOf(suite, dataKey)).toEqual(tagUnder(expected, 256))
    },
  )

  // spec: framework/algorithm-suites.md#algorithm-suite-id/2
  // spec: framework/algorithm-suites.md#encryption-key-derivation-algorithm/1
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/1
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/2
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/3
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/5
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/7
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/8
  // spec: framework/transitive-requirements.md#hkdf-encryption-key/10
  test.each(derivedOnly)('is what HKDF makes of suite and message id, with a salt of zeros: %s', async (_, suite) => {
    const hash = suite.id >= 0x0300 ? 'sha384' : 'sha256'
    const length = suite.id === 0x0114 || suite.id === 0x0214 ? 16 : [0x0146, 0x0346].includes(suite.id) ? 24 : 32
    const dataKey = pattern(length, 1)
    const info = Buffer.concat([idOf(suite), messageIdOf(suite)])
    const expected = hkdfSync(hash, dataKey, Buffer.alloc(hash === 'sha384' ? 48 : 32), info, length)
    expect(await tagOf(suite, dataKey)).toEqual(tagUnder(expected, 8 * length))
  })

  // spec: framework/algorithm-suites.md#identity-kdf/1
  // spec: framework/algorithm-suites.md#encryption-algorithm/1
  test.each(underived)('is the data key itself: %s', async (_, suite) => {
    const length = { 120: 32, 70: 24, 20: 16 }[suite.id] ?? 0
    const dataKey = pattern(length, 1)
    expect(await tagOf(suite, dataKey)).toEqual(tagUnder(dataKey, 8 * length))
  })

  test('is another for another data key, suite or message id', async () => {
    const tags = new Set<string>()
    for (const suite of all) {
      for (const seed of [1, 2]) {
        const otherId =
          suite.kdfHash === undefined
            ? []
            : [await tagOf(suite, pattern(suite.dataKeyLength, seed), pattern(suite.messageIdLength, 5))]
        for (const tag of [await tagOf(suite, pattern(suite.dataKeyLength, seed)), ...otherId])
          tags.add(tag.toString('hex'))
      }
    }
    expect(tags.size).toBe(2 * 11 + 2 * 8)
  })

  test('is independent of the data key once it is derived', async () => {
    for (const suite of all) {
      const dataKey = SecretBytes.from(pattern(suite.dataKeyLength, 1))
      const key = await engine.messageKey(suite, dataKey, messageIdOf(suite))
      dataKey[Symbol.dispose]()
      expect(Buffer.from(await key.headerTag(aad))).toEqual(await tagOf(suite, pattern(suite.dataKeyLength, 1)))
    }
  })
})

describe('the commitment', () => {
  // spec: framework/algorithm-suites.md#commit-key-derivation-algorithm/1
  // spec: framework/transitive-requirements.md#hkdf-commit-key/1
  // spec: framework/transitive-requirements.md#hkdf-commit-key/2
  // spec: framework/transitive-requirements.md#hkdf-commit-key/3
  // spec: framework/transitive-requirements.md#hkdf-commit-key/5
  // spec: framework/transitive-requirements.md#hkdf-commit-key/6
  // spec: framework/transitive-requirements.md#hkdf-commit-key/7
  // spec: framework/transitive-requirements.md#hkdf-commit-key/8
  test.each(committing)('is what HKDF makes of COMMITKEY, salted with the message id: %s', async (_, suite) => {
    const dataKey = pattern(32, 1)
    const messageId = messageIdOf(suite)
    expect(messageId.length).toBe(32)
    const expected = hkdfSync('sha512', dataKey, messageId, Buffer.from('COMMITKEY'), 32)
    expect(Buffer.from((await keyOf(suite, dataKey)).commitment ?? [])).toEqual(Buffer.from(expected))
  })

  test('is absent where the suite does not commit', async () => {
    for (const [, suite] of [...derivedOnly, ...underived]) {
      expect((await keyOf(suite, pattern(suite.dataKeyLength))).commitment).toBeUndefined()
    }
  })
})
