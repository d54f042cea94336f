import { createPublicKey, createSign, createVerify, ECDH, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { engine } from '#engine'
import { codeOf } from '../refusal.test-support.ts'
import { type Suite, suites } from '../suite/table.ts'
import type { MaybePromise } from './maybe-promise.ts'

const curves = [
  ['P-256', 0x0214, 'prime256v1', 'sha256', 33],
  ['P-384', 0x0578, 'secp384r1', 'sha384', 49],
  ['P-384', 0x0378, 'secp384r1', 'sha384', 49],
  ['P-384', 0x0346, 'secp384r1', 'sha384', 49],
] as const
const unsigned = [...suites.values()].filter(({ signature }) => signature === undefined)

const suiteOf = (id: number) => suites.get(id) as Suite // a row of the table
const parts = [Buffer.from('head'), Buffer.alloc(0), Buffer.from('body')]

function convert(point: Uint8Array, curve: string, form: 'compressed' | 'uncompressed'): Buffer {
  return ECDH.convertKey(point, curve, undefined, undefined, form) as Buffer // no encoding: bytes
}

/** A key for node:crypto from a compressed point, through ECDH and JWK: not the way of the code under test. */
function keyOfPoint(point: Uint8Array, crv: string, curve: string) {
  const whole = convert(point, curve, 'uncompressed')
  const half = (whole.length - 1) / 2
  const [x, y] = [whole.subarray(1, 1 + half), whole.subarray(1 + half)].map((part) => part.toString('base64url'))
  return createPublicKey({ key: { kty: 'EC', crv, x: x ?? '', y: y ?? '' }, format: 'jwk' })
}

function pairOf(curve: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const whole = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  return { privateKey, whole, point: convert(whole, curve, 'compressed') }
}

/** What comes of a message whether it is verified part by part or whole. */
async function verifies(suite: number, point: Uint8Array, signature: Uint8Array, signed = parts): Promise<string> {
  const verifier = await engine.verifier(suiteOf(suite), point)
  for (const part of signed) await verifier.update(part)
  const inParts = await outcomeOf(() => verifier.verify(signature))
  const whole = await outcomeOf(() => engine.verifySignature(suiteOf(suite), point, Buffer.concat(signed), signature))
  expect(whole).toBe(inParts)
  return inParts
}

async function outcomeOf(verify: () => MaybePromise<void>): Promise<string> {
  try {
    await verify()
    return 'holds'
  } catch (error) {
    return codeOf(() => Promise.reject(error))
  }
}

describe.each(curves)('a signature on %s, suite %i', (crv, suite, curve, hash, length) => {
  // spec: framework/algorithm-suites.md#asymmetric-signature-algorithm/1
  // spec: framework/structures.md#signing-key/1
  // spec: framework/transitive-requirements.md#ecdsa/1
  test('is ECDSA, DER, over all that was added, and verifies under the compressed point', async () => {
    for (let round = 0; round < 8; round++) {
      const { publicKey, signer: start, sign } = await engine.signingKey(suiteOf(suite))
      expect(publicKey.length).toBe(length)
      expect([2, 3]).toContain(publicKey[0])
      const key = keyOfPoint(publicKey, crv, curve)
      const signer = start()
      for (const part of parts) await signer.update(part)
      for (const signature of [await signer.sign(), await sign(Buffer.concat(parts))]) {
        expect(signature[0]).toBe(0x30)
        expect(createVerify(hash).update('headbody').verify({ key, dsaEncoding: 'der' }, signature)).toBe(true)
        expect(createVerify(hash).update('headbodY').verify({ key, dsaEncoding: 'der' }, signature)).toBe(false)
      }
    }
  })

  // spec: framework/algorithm-suites.md#asymmetric-signature-algorithm/2
  // spec: framework/structures.md#verification-key/1
  test('of another library is verified, whichever parity its point has', async () => {
    const parities = new Set<number | undefined>()
    while (parities.size < 2) {
      const { privateKey, point } = pairOf(curve)
      parities.add(point[0])
      const signature = createSign(hash).update('headbody').sign({ key: privateKey, dsaEncoding: 'der' })
      expect(await verifies(suite, point, signature)).toBe('holds')
    }
  })

  test('is refused over other bytes, under another key, or altered', async () => {
    const { privateKey, point } = pairOf(curve)
    const signature = createSign(hash).update('headbody').sign(privateKey)
    expect(await verifies(suite, point, signature, [Buffer.from('headbod')])).toBe('AUTHENTICATION_FAILED')
    expect(await verifies(suite, pairOf(curve).point, signature)).toBe('AUTHENTICATION_FAILED')
    for (let at = 0; at < signature.length; at += 5) {
      const altered = Uint8Array.from(signature)
      altered[at] = (altered[at] ?? 0) ^ 1
      expect(await verifies(suite, point, altered), `byte ${at}`).toBe('AUTHENTICATION_FAILED')
    }
    for (const bad of [
      new Uint8Array(0),
      signature.subarray(1),
      signature.subarray(0, -1),
      new Uint8Array(100).fill(0xff),
    ]) {
      expect(await verifies(suite, point, bad)).toBe('AUTHENTICATION_FAILED')
    }
    const otherHash = createSign(hash === 'sha256' ? 'sha384' : 'sha256')
      .update('headbody')
      .sign(privateKey)
    expect(await verifies(suite, point, otherHash)).toBe('AUTHENTICATION_FAILED')
  })

  // spec: framework/structures.md#verification-key/1
  test('is not verified under what is no compressed point of the curve', async () => {
    const { point, whole } = pairOf(curve)
    const offCurve = Buffer.from(point)
    // About half of all x have no y: the first such one behind a real point's.
    for (let found = false; !found; ) {
      offCurve[length - 1] = ((offCurve[length - 1] ?? 0) + 1) & 0xff
      try {
        convert(offCurve, curve, 'uncompressed')
      } catch {
        found = true
      }
    }
    const headed = (head: number) => Buffer.concat([Buffer.of(head), point.subarray(1)])
    const tooLarge = Buffer.concat([Buffer.of(2), Buffer.alloc(length - 1, 0xff)])
    const otherCurve = pairOf(curve === 'prime256v1' ? 'secp384r1' : 'prime256v1').point
    const bad = { whole, offCurve, tooLarge, otherCurve, infinity: Buffer.of(0), empty: Buffer.alloc(0) }
    const cut = { cut: point.subarray(0, -1), extended: Buffer.concat([point, Buffer.of(0)]) }
    const heads = {
      zero: headed(0),
      one: headed(1),
      four: headed(4),
      five: headed(5),
      six: headed(6),
      seven: headed(7),
    }
    for (const [name, bytes] of Object.entries({ ...bad, ...cut, ...heads })) {
      const whole = async () => engine.verifySignature(suiteOf(suite), bytes, parts[0] ?? bytes, bytes)
      expect(await codeOf(async () => engine.verifier(suiteOf(suite), bytes)), name).toBe('MALFORMED_MESSAGE')
      expect(await codeOf(whole), name).toBe('MALFORMED_MESSAGE')
    }
  })

  // spec: framework/structures.md#signing-key/3
  test('comes of a key that its signer does not show', async () => {
    const key = await engine.signingKey(suiteOf(suite))
    expect(Object.keys(key).sort()).toEqual(['publicKey', 'sign', 'signer'])
    for (const shown of [key, key.signer()]) {
      expect(inspect(shown, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain('KeyObject')
    }
    const other = await engine.signingKey(suiteOf(suite))
    expect(Buffer.from(key.publicKey)).not.toEqual(Buffer.from(other.publicKey))
  })

  test('of two messages under one key are each over its own bytes', async () => {
    const { publicKey, signer } = await engine.signingKey(suiteOf(suite))
    const [first, second] = [signer(), signer()]
    await first.update(Buffer.from('one'))
    await second.update(Buffer.from('two'))
    const key = keyOfPoint(publicKey, crv, curve)
    const holds = async (text: string, signature: MaybePromise<Uint8Array>): Promise<boolean> =>
      createVerify(hash)
        .update(text)
        .verify({ key, dsaEncoding: 'der' }, await signature)
    expect(await holds('one', first.sign())).toBe(true)
    expect(await holds('two', second.sign())).toBe(true)
  })
})

// spec: framework/algorithm-suites.md#asymmetric-signature-algorithm/3
// spec: framework/algorithm-suites.md#asymmetric-signature-algorithm/4
// spec: framework/structures.md#signing-key/2
test.each(unsigned.map((suite) => [suite.name, suite] as const))(
  'suite %s neither signs nor verifies',
  async (_, suite) => {
    expect(await codeOf(async () => engine.signingKey(suite))).toBe('INVALID_ARGUMENT')
    const { point } = pairOf('secp384r1')
    expect(await codeOf(async () => engine.verifier(suite, point))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(async () => engine.verifySignature(suite, point, point, point))).toBe('INVALID_ARGUMENT')
  },
)

test('a message longer than is hashed in one call is signed and verified in steps', async () => {
  const [suite, message] = [suiteOf(0x0578), new Uint8Array(2 ** 30 + 3)] // of zeros: the system keeps no memory for them
  message[2 ** 30 + 2] = 1
  const key = await engine.signingKey(suite)
  const signature = await key.sign(message)
  const verifying = createVerify('sha384')
  for (let at = 0; at < message.length; at += 2 ** 28) verifying.update(message.subarray(at, at + 2 ** 28))
  expect(verifying.verify(keyOfPoint(key.publicKey, 'P-384', 'secp384r1'), signature)).toBe(true)
  const verified = () => outcomeOf(() => engine.verifySignature(suite, key.publicKey, message, signature))
  expect(await verified()).toBe('holds')
  message[2 ** 30 + 2] = 2
  expect(await verified()).toBe('AUTHENTICATION_FAILED')
}, 120_000)
