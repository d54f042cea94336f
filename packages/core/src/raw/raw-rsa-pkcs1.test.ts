import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { canary, canaryIn } from '../keys/doubles.test-support.ts'
import { createEnvelope } from '../message/envelope.ts'
import { writeMessage } from '../message/reference-writer.test-support.ts'
import { pattern } from '../pattern.test-support.ts'
import { refusal } from '../refusal.test-support.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { rawRsa } from './raw-rsa.ts'

/*
 * Bleichenbacher's attack: whoever can tell bad padding from a wrong key opens every message, a million questions later.
 * So bad padding is answered as a wrong key is, by every way that an answer can be told apart but time.
 */

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const provider = rawRsa({ namespace: 'ns', name: 'r1', padding: 'pkcs1', publicKey, privateKey })

const { RSA_PKCS1_PADDING, RSA_NO_PADDING } = constants
const seal = (bytes: Uint8Array, key = publicKey) => publicEncrypt({ key, padding: RSA_PKCS1_PADDING }, bytes)
const raw = (block: Buffer) => publicEncrypt({ key: publicKey, padding: RSA_NO_PADDING }, block)

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** A block of 256 bytes, of which every rule but one is kept. */
function block(change: (block: Buffer) => void): Buffer {
  const made = Buffer.alloc(256, 0x55)
  made[0] = 0
  made[1] = 2
  made[256 - 33] = 0
  Buffer.from(canary()).copy(made, 256 - 32)
  change(made)
  return raw(made)
}

const wellPadded = seal(canary())
const bad: Record<string, Buffer> = {
  'the first byte flipped': flipped(wellPadded, 0),
  'a byte in the middle flipped': flipped(wellPadded, 128),
  'the last byte flipped': flipped(wellPadded, 255),
  'for another key': seal(canary(), other.publicKey),
  'cut by a byte': wellPadded.subarray(0, 255),
  'cut to nothing': Buffer.alloc(0),
  'a byte too long': Buffer.concat([wellPadded, Buffer.of(0)]),
  'larger than the modulus': Buffer.alloc(256, 0xff),
  zeros: Buffer.alloc(256),
  'of block type 1': block((bytes) => bytes.fill(1, 1, 2)),
  'of block type 0': block((bytes) => bytes.fill(0, 1, 2)),
  'without a separator': block((bytes) => bytes.fill(0x55, 2)),
  'with a separator in its first eight bytes': block((bytes) => bytes.fill(0, 5, 6)),
  'not starting with zero': block((bytes) => bytes.fill(1, 0, 1)),
  'of no data key': seal(new Uint8Array(0)),
  'of a data key of 16 bytes': seal(canary(16)),
  'of a data key of 31 bytes': seal(canary(31)),
  'of a data key of 33 bytes': seal(Buffer.concat([canary(), Buffer.of(1)])),
  'of as long a data key as fits': seal(Buffer.alloc(245, 1)),
}

const entryOf = (ciphertext: Uint8Array): EncryptedDataKey => {
  return { providerId: 'ns', providerInfo: Buffer.from('r1'), ciphertext }
}

async function unwrap(ciphertext: Uint8Array, length = 32): Promise<string> {
  const request = { entry: entryOf(ciphertext), length, context: {}, contextBytes: new Uint8Array(0) }
  const dataKey = await provider.unwrapDataKey?.(request, { signal: new AbortController().signal })
  expect(dataKey?.length).toBe(length)
  return Buffer.from(dataKey?.bytes ?? []).toString('hex')
}

const messageOf = (ciphertext: Uint8Array) =>
  writeMessage({
    suite: 0x0478,
    dataKey: canary(),
    wrap: () => [entryOf(ciphertext)],
    frameLength: 8,
    parts: [pattern(3)],
  }).bytes

test('well padded PKCS #1 opens to the data key', async () => {
  expect(await unwrap(wellPadded)).toBe(Buffer.from(canary()).toString('hex'))
  expect((await createEnvelope({ keys: provider }).decrypt(messageOf(wellPadded))).plaintext).toEqual(pattern(3))
  expect(await unwrap(block(() => undefined))).toBe(Buffer.from(canary()).toString('hex'))
})

describe.each(Object.entries(bad))('PKCS #1 %s', (_, ciphertext) => {
  test('opens to a key of the length asked for, which is not the sealed one', async () => {
    for (const length of [16, 24, 32]) {
      const first = await unwrap(ciphertext, length)
      const isWrongLength = length !== 16 || ciphertext !== bad['of a data key of 16 bytes']
      if (isWrongLength) expect(first).not.toBe(Buffer.from(canary(length)).toString('hex'))
    }
  })

  test('fails at the header as a wrong key does, in code, text and all', async () => {
    const envelope = createEnvelope({ keys: provider })
    const wrongKey = await refusal(() => envelope.decrypt(messageOf(seal(pattern(32, 9)))))
    const error = await refusal(() => envelope.decrypt(messageOf(ciphertext)))
    expect(error.code).toBe('AUTHENTICATION_FAILED')
    const told = ({ message, code, retryable, attempts, cause }: typeof error) => ({
      message,
      code,
      retryable,
      attempts,
      cause,
    })
    expect(told(error)).toEqual(told(wrongKey))
    expect(canaryIn(error)).toEqual([])
  })
})

test('a key of the wrong length opens to random bytes, others every time', async () => {
  for (const name of ['of no data key', 'of a data key of 16 bytes', 'of a data key of 33 bytes']) {
    const keys = new Set<string>()
    for (let round = 0; round < 20; round++) keys.add(await unwrap(bad[name] ?? wellPadded))
    expect(keys.size, name).toBe(20)
  }
})
