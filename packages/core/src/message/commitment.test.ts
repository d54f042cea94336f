import { createCipheriv } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import type { CommitmentPolicy } from '../suite/policy.ts'
import { createEnvelope } from './envelope.ts'
import { allow, forbid, spyProvider } from './fixtures.test-support.ts'
import { bodyAad, deriveKeys, factsOf, suiteFacts, u32 } from './reference-format.test-support.ts'
import { rawAesEntry, sealGcm, writeMessage } from './reference-writer.test-support.ts'

/*
 * The public attack on messages that do not commit to their key ("invisible salamanders"). AES-GCM's tag is linear in each
 * block of what it authenticates, so one block solves for a tag that holds under two keys at once. Here the header has
 * such a block in a data key that nobody opens, and the frame in the last block of its content.
 */

const alice = pattern(32, 11)
const bob = pattern(32, 22)
const aliceKeys = rawAes({ namespace: 'ns', name: 'alice', key: alice })
const bobKeys = rawAes({ namespace: 'ns', name: 'bob', key: bob })
const dataKeys = [pattern(32, 1), pattern(32, 2)] as const

/** A message of two data keys, authentic under both; it commits to the first where its suite commits. */
function forge(suite: number): Buffer {
  const messageId = pattern(factsOf(suite).version === 1 ? 16 : 32, 5)
  const wrap = (_: Uint8Array, contextBytes: Buffer) => [
    ...rawAesEntry(alice, 'ns', 'alice')(dataKeys[0], contextBytes),
    ...rawAesEntry(bob, 'ns', 'bob')(dataKeys[1], contextBytes),
    { providerId: 'nobody', providerInfo: Buffer.alloc(0), ciphertext: Buffer.alloc(48) },
  ]
  const { headerBody } = writeMessage({
    suite,
    dataKey: dataKeys[0],
    messageId,
    wrap,
    frameLength: 64,
    parts: [pattern(0)],
  })
  const keys = [deriveKeys(suite, dataKeys[0], messageId).key, deriveKeys(suite, dataKeys[1], messageId).key] as const

  const free = Math.ceil(headerBody.indexOf(Buffer.alloc(48)) / 16) * 16
  const headerIv = Buffer.alloc(12)
  const headerTag = (key: Buffer, block: Buffer): Buffer => {
    block.copy(headerBody, free)
    return sealGcm(factsOf(suite), key, headerIv, headerBody, Buffer.alloc(0)).tag
  }
  const blocksOfHeader = Math.ceil(headerBody.length / 16)
  const solved = solve(keys, headerTag, blocksOfHeader + 1 - free / 16)
  const tag = headerTag(keys[0], solved)
  expect(headerTag(keys[1], solved).equals(tag)).toBe(true)
  return Buffer.concat([
    headerBody,
    ...(factsOf(suite).version === 1 ? [headerIv] : []),
    tag,
    forgeFrame(suite, messageId, keys),
  ])
}

function forgeFrame(suite: number, messageId: Uint8Array, keys: readonly [Buffer, Buffer]): Buffer {
  const iv = Buffer.alloc(12, 1)
  const aad = bodyAad(Buffer.from(messageId), 'final', 1, 48)
  const stream = (key: Buffer): Buffer => sealGcm(factsOf(suite), key, iv, aad, Buffer.alloc(48)).ciphertext
  const content = Buffer.alloc(48)
  xor(Buffer.from('pay Alice 1 euro'), stream(keys[0])).copy(content, 0)
  xor(Buffer.from('pay Bob 1000 $$$'), stream(keys[1]).subarray(16)).copy(content, 16)
  const frameTag = (key: Buffer, block: Buffer): Buffer => {
    block.copy(content, 32)
    return sealGcm(factsOf(suite), key, iv, aad, xor(content, stream(key))).tag
  }
  const solved = solve(keys, frameTag, 2) // the last block of the content, and behind it the block of the lengths
  const tag = frameTag(keys[0], solved)
  expect(frameTag(keys[1], solved).equals(tag)).toBe(true)
  return Buffer.concat([Buffer.alloc(4, 0xff), u32(1), iv, u32(48), content, tag])
}

/** The block for which both tags are equal. @param exponent the power of the hash key that the block is multiplied by */
function solve(
  keys: readonly [Buffer, Buffer],
  tagOf: (key: Buffer, block: Buffer) => Buffer,
  exponent: number,
): Buffer {
  const tags = keys.map((key) => toInteger(tagOf(key, Buffer.alloc(16))))
  const powers = keys.map((key) => power(toInteger(hashKey(key)), BigInt(exponent)))
  const sum = ([a = 0n, b = 0n]: readonly bigint[]): bigint => a ^ b
  const inverse = power(sum(powers), 2n ** 128n - 2n)
  return Buffer.from(multiply(sum(tags), inverse).toString(16).padStart(32, '0'), 'hex')
}

function hashKey(key: Buffer): Buffer {
  return createCipheriv('aes-256-ecb', key, null).update(Buffer.alloc(16))
}

const toInteger = (block: Buffer): bigint => BigInt(`0x${block.toString('hex')}`)

/** In GCM's field of 2^128 elements, whose bits count from the left. */
function multiply(a: bigint, b: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ (0xe1n << 120n) : shifted >> 1n
  }
  return product
}

function power(base: bigint, exponent: bigint): bigint {
  if (exponent === 1n) return base
  const half = power(base, exponent >> 1n)
  const square = multiply(half, half)
  return exponent & 1n ? multiply(square, base) : square
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)))
}

describe('one message made for two data keys', () => {
  test('opens to two plaintexts without a commitment, where a policy lets it', async () => {
    const message = forge(0x0178)
    const read = async (keys: typeof aliceKeys): Promise<string> => {
      const { plaintext } = await createEnvelope({ keys, commitmentPolicy: allow }).decrypt(message)
      return Buffer.from(plaintext).toString('latin1')
    }
    expect((await read(aliceKeys)).slice(0, 16)).toBe('pay Alice 1 euro')
    expect((await read(bobKeys)).slice(16, 32)).toBe('pay Bob 1000 $$$')
  })

  // spec: client-apis/client.md#initialization/2
  test('is refused by default, before any key is asked', async () => {
    for (const suite of [0x0178, 0x0078]) {
      const spy = spyProvider({ providerId: 'ns' })
      expect(await codeOf(() => createEnvelope({ keys: spy.provider }).decrypt(forge(suite)))).toBe('POLICY_VIOLATION')
      expect(spy.calls).toEqual([])
    }
  })

  // spec: client-apis/decrypt.md#get-the-decryption-materials/8
  // spec: client-apis/decrypt.md#get-the-decryption-materials/9
  test('opens under a committing suite with the data key that it commits to, and no other', async () => {
    const message = forge(0x0478)
    const { plaintext } = await createEnvelope({ keys: aliceKeys }).decrypt(message)
    expect(Buffer.from(plaintext).toString('latin1', 0, 16)).toBe('pay Alice 1 euro')
    expect(await codeOf(() => createEnvelope({ keys: bobKeys }).decrypt(message))).toBe('AUTHENTICATION_FAILED')
  })
})

const policies: readonly (readonly [policy: CommitmentPolicy | undefined, writes: 1 | 2, reads: readonly number[]])[] =
  [
    [undefined, 2, [2]],
    ['require-encrypt-require-decrypt', 2, [2]],
    [allow, 2, [1, 2]],
    [forbid, 1, [1, 2]],
  ]

describe.each(policies)('the policy %s', (commitmentPolicy, writes, reads) => {
  // spec: client-apis/client.md#initialization/1
  // spec: client-apis/client.md#commitment-policy/1
  // spec: client-apis/encrypt.md#get-the-encryption-materials/1
  // spec: client-apis/encrypt.md#get-the-encryption-materials/10
  test.each(suiteFacts)(`writes suite $id where it is of version ${writes}`, async ({ id, version }) => {
    const spy = spyProvider()
    const sealing = createEnvelope({ keys: spy.provider, commitmentPolicy }).encrypt(pattern(3), { suite: id })
    if (version === writes) return void expect((await sealing).length).toBeGreaterThan(0)
    expect(await codeOf(() => sealing)).toBe('POLICY_VIOLATION')
    expect(spy.calls).toEqual([])
  })

  // spec: client-apis/decrypt.md#get-the-decryption-materials/1
  // spec: client-apis/decrypt.md#get-the-decryption-materials/7
  test.each(suiteFacts)(`reads suite $id where it is of version ${reads}`, async ({ id, version, bits }) => {
    const spy = spyProvider()
    const { bytes } = writeMessage({ suite: id, dataKey: pattern(bits / 8), frameLength: 9, parts: [pattern(3)] })
    const opening = createEnvelope({ keys: spy.provider, commitmentPolicy }).decrypt(bytes)
    if (reads.includes(version)) return void expect((await opening).plaintext).toEqual(pattern(3))
    expect(await codeOf(() => opening)).toBe('POLICY_VIOLATION')
    expect(spy.calls).toEqual([])
  })

  test('chooses the suite where none is asked for', async () => {
    const envelope = createEnvelope({ keys: spyProvider().provider, commitmentPolicy: commitmentPolicy ?? undefined })
    const suiteOf = async (sign: boolean | undefined): Promise<number> => {
      const bytes = await envelope.encrypt(pattern(3), { sign })
      return Buffer.from(bytes).readUInt16BE(writes === 1 ? 2 : 1)
    }
    const [plain, signed] = writes === 1 ? [0x0178, 0x0378] : [0x0478, 0x0578]
    expect([await suiteOf(undefined), await suiteOf(false), await suiteOf(true)]).toEqual([plain, plain, signed])
  })

  test.each(suiteFacts)(
    'lets suite $id contradict neither sign: true nor sign: false',
    async ({ id, version, curve }) => {
      const envelope = createEnvelope({ keys: spyProvider().provider, commitmentPolicy })
      const signs = curve !== undefined
      expect(await codeOf(() => envelope.encrypt(pattern(3), { suite: id, sign: !signs }))).toBe('INVALID_ARGUMENT')
      if (version === writes)
        expect((await envelope.encrypt(pattern(3), { suite: id, sign: signs })).length).toBeGreaterThan(0)
    },
  )
})
