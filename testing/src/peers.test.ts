import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import { javascriptPeer } from './javascript-peer.ts'
import type { EncryptRequest, KeyringDescription, Peer } from './peer.ts'
import { startPythonPeer } from './python-peer.ts'
import { completeRequest, keyringNamed } from './request.ts'
import { pythonSdk } from './servers.ts'
import { policyFor, RSA_PADDINGS, SUITES } from './suites.ts'
import { readTestKeys, seededBytes } from './vectors.ts'

const python = await availableServer(pythonSdk)
const testKeys = await readTestKeys()
const peers = new Map<string, Peer>()

beforeAll(async () => {
  peers.set('javascript', javascriptPeer())
  if (python.state === 'located') peers.set('python', await startPythonPeer(python))
})
afterAll(async () => {
  for (const peer of peers.values()) await peer[Symbol.asyncDispose]()
})

const PAIRS = ['javascript', 'python'].flatMap((writer) =>
  ['javascript', 'python'].map((reader) => ({ writer, reader })),
)

describe.each(PAIRS)('$reader opens what $writer wrote', ({ writer, reader }) => {
  beforeEach(({ skip }) => {
    if (python.state === 'skipped' && (writer === 'python' || reader === 'python')) skip(python.line)
  })

  it.each(SUITES)('suite %s under raw AES and under several recipients', async (suite) => {
    await passes({ suite, keyring: keyring('aes-256') })
    await passes({ suite, keyring: keyring('multi') })
    await passes({ suite, keyring: keyring('multi') }, keyring('rsa-oaep-sha256'))
  })

  it.each(RSA_PADDINGS)('raw RSA, %s', async (padding) => {
    await passes({ keyring: keyring(`rsa-${padding}`) })
    await passes({ keyring: keyring(`rsa-${padding}`), suite: '0578' })
  })

  it.each(['aes-128', 'aes-192', 'aes-named'])('a wrapping key %s', async (name) => {
    await passes({ keyring: keyring(name) })
  })

  it.each([0, 1, 127, 128, 129, 256])('%i bytes in frames of 128', async (length) => {
    await passes({ plaintext: seededBytes('length', length) })
  })

  it.each(SUITES)('an unframed body, suite %s', async (suite) => {
    if (peer(writer).supports('writes-unframed')) await passes({ suite, frameLength: 0 })
    else await expect(write({ suite, frameLength: 0 })).rejects.toThrow('frameLength out of bounds')
  })

  it('frames of a length that is no multiple of 128', async () => {
    if (peer(writer).supports('every-frame-length')) await passes({ frameLength: 7 })
    else await expect(write({ frameLength: 7 })).rejects.toThrow('multiple of the block size')
  })

  it('withheld context, given again', async () => {
    const request = { context: { a: '1', b: '2', c: '3' }, requiredContextKeys: ['b'] }
    if (!peer(writer).supports('withheld-context')) {
      await expect(write(request)).rejects.toMatchObject({ type: 'Unsupported' })
      return
    }
    const given = { requiredContextKeys: ['b'], keyring: keyring('aes-256'), commitmentPolicy: policyFor('0478') }
    const message = { ...given, ciphertext: await write(request) }
    if (!peer(reader).supports('withheld-context')) {
      await expect(peer(reader).decrypt(message)).rejects.toMatchObject({ type: 'Unsupported' })
      return
    }
    const { context } = await peer(reader).decrypt({ ...message, context: { b: '2' } })
    expect(context).toEqual({ a: '1', c: '3' })
    await expect(peer(reader).decrypt({ ...message, context: { b: '3' } })).rejects.toThrow('unable to decrypt')
    await expect(peer(reader).decrypt(message)).rejects.toThrow()
  })

  it('no message whose context differs from the expected', async () => {
    const message = { ciphertext: await write({}), keyring: keyring('aes-256'), commitmentPolicy: policyFor('0478') }
    expect((await peer(reader).decrypt({ ...message, context: { tenant: 'a' } })).plaintext).toHaveLength(300)
    await expect(peer(reader).decrypt({ ...message, context: { tenant: 'b' } })).rejects.toThrow()
  })

  it('no message under another key', async () => {
    const message = { ciphertext: await write({}), keyring: keyring('aes-192'), commitmentPolicy: policyFor('0478') }
    await expect(peer(reader).decrypt(message)).rejects.toMatchObject({ name: 'PeerError' })
  })

  it('no uncommitted suite under a policy that requires commitment', async () => {
    const keyring256 = keyring('aes-256')
    const ciphertext = await write({ suite: '0178' })
    const message = { ciphertext, keyring: keyring256, commitmentPolicy: 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT' } as const
    await expect(peer(reader).decrypt(message)).rejects.toMatchObject({ name: 'PeerError' })
  })

  async function passes(change: Partial<EncryptRequest>, openedBy?: KeyringDescription): Promise<void> {
    const request = complete(change)
    const ciphertext = await write(change)
    const { commitmentPolicy, context } = request
    const opened = await peer(reader).decrypt({ ciphertext, commitmentPolicy, keyring: openedBy ?? request.keyring })
    expect(Buffer.compare(opened.plaintext, request.plaintext)).toBe(0)
    const { 'aws-crypto-public-key': publicKey, ...stored } = opened.context
    expect(stored).toEqual(context)
    expect(publicKey !== undefined).toBe(SIGNED.has(request.suite))
  }

  function write(change: Partial<EncryptRequest>): Promise<Uint8Array> {
    return peer(writer).encrypt(complete(change))
  }
})

const SIGNED = new Set(['0214', '0346', '0378', '0578'])

function complete(change: Partial<EncryptRequest>): EncryptRequest {
  return completeRequest('peers', testKeys, change)
}

function peer(name: string): Peer {
  const found = peers.get(name)
  if (found === undefined) throw new Error(`no peer ${name}`)
  return found
}

function keyring(name: string): KeyringDescription {
  return keyringNamed(testKeys, name)
}
