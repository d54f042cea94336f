// Hands objects of each of core's entry points to the others. They share what knows objects by identity (envelopes, keys of this
// process, keyrings, caches, the error class), so that a second copy of a module in the package fails here. check-packages.ts
// runs a copy of this file beside the installed package.
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { anyOf, createEnvelope, dataKeyCache, KeyfoldError, rawAes, rawRsa } from '@keyfold/core'
import { keyProviderCases } from '@keyfold/core/conformance'
import { parseKeyFile } from '@keyfold/core/local'
import { decryptDuplex, encryptDuplex } from '@keyfold/core/node'
import { otelObserver } from '@keyfold/core/otel'
import { fakeClock, memoryKeys } from '@keyfold/core/testing'

const plaintext = randomBytes(1000)
const aes = rawAes({ namespace: 'check', name: 'aes', key: randomBytes(32) })
const rsa = rawRsa({ namespace: 'check', name: 'rsa', padding: 'oaep-sha256', ...rsaPair() })
const clock = fakeClock()
const memory = memoryKeys({ clock })

await sealAndOpenByDuplexes()
await makeNoTimerForKeysOfThisProcess()
await failWithTheOneErrorClass()
await passTheKit()
await openPkcs1OrRefuseIt()
console.log('core: its entry points work on the same modules')

/** A keyring with keys of three entry points, a cache and an observer, under streams of a fourth. */
async function sealAndOpenByDuplexes(): Promise<void> {
  const keys = anyOf([memory, aes, rsa, fileKey()])
  const envelope = createEnvelope({ keys, cache: dataKeyCache({ maxAgeMs: 60_000 }), observe: otelObserver(), clock })
  const sealing = encryptDuplex(envelope)
  sealing.end(plaintext)
  const sealed = await buffer(sealing)
  const opening = decryptDuplex(envelope)
  opening.end(sealed)
  assert.deepEqual(await buffer(opening), plaintext)
  for (const key of [memory, aes, rsa]) {
    const opened = await createEnvelope({ keys: key, clock }).decrypt(sealed)
    assert.deepEqual(Buffer.from(opened.plaintext), plaintext)
  }
}

async function makeNoTimerForKeysOfThisProcess(): Promise<void> {
  const timersOf = async (keys: typeof aes) => {
    let timers = 0
    const schedule: typeof clock.schedule = (...args) => {
      timers += 1
      return clock.schedule(...args)
    }
    await createEnvelope({ keys, clock: { ...clock, schedule } }).encrypt(plaintext)
    return timers
  }
  assert.deepEqual(await Promise.all([aes, rsa, memory].map(timersOf)), [0, 0, 1])
}

async function failWithTheOneErrorClass(): Promise<void> {
  memory.fail('THROTTLED', { times: 1 })
  const refused = createEnvelope({ keys: memory, clock }).encrypt(plaintext)
  await assert.rejects(refused, (error) => error instanceof KeyfoldError && error.code === 'THROTTLED')
  const malformed = (error: unknown) => error instanceof KeyfoldError && error.constructor.name === 'KeyfoldError'
  assert.throws(() => parseKeyFile('{}'), malformed)
}

async function passTheKit(): Promise<void> {
  const other = rawAes({ namespace: 'check', name: 'other', key: randomBytes(32) })
  const expects = { bindsContext: true, capabilities: ['wrapDataKey', 'unwrapDataKey'] } as const
  for (const { run } of keyProviderCases({ provider: () => aes, other: () => other, expects })) await run()
}

/** Where Node's OpenSSL is too old for it, the key says so: a message that it seals would open nowhere in this process. */
async function openPkcs1OrRefuseIt(): Promise<void> {
  const { publicKey, privateKey } = rsaPair()
  const names = { namespace: 'check', name: 'pkcs1', padding: 'pkcs1' } as const
  const sealed = await createEnvelope({ keys: rawRsa({ ...names, publicKey }) }).encrypt(plaintext)
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
  if (major > 3 || (major === 3 && minor >= 2)) {
    const opened = await createEnvelope({ keys: rawRsa({ ...names, privateKey }) }).decrypt(sealed)
    assert.deepEqual(Buffer.from(opened.plaintext), plaintext)
  } else {
    assert.throws(() => rawRsa({ ...names, privateKey }), { code: 'UNSUPPORTED' })
  }
}

function fileKey(): ReturnType<typeof parseKeyFile> {
  const version = { version: 1, createdAt: '2026-01-31T12:00:00.000Z', key: randomBytes(32).toString('base64') }
  const keys = [{ name: 'file', versions: [version] }]
  return parseKeyFile(JSON.stringify({ format: 'keyfold-keys', formatVersion: 1, keys }))
}

function rsaPair() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}
