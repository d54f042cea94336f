import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import { javascriptPeer } from './javascript-peer.ts'
import { keyfoldPeer, keysOf } from './keyfold-peer.ts'
import type { EncryptRequest, KeyringDescription, Peer } from './peer.ts'
import { startPythonPeer } from './python-peer.ts'
import { completeRequest, keyringNamed } from './request.ts'
import { pythonSdk } from './servers.ts'
import { policyFor, RSA_PADDINGS, SUITES } from './suites.ts'
import { readTestKeys, readVectors, seededBytes } from './vectors.ts'

const python = await availableServer(pythonSdk)
const vectors = await readVectors()
const testKeys = await readTestKeys()
const peers = new Map<string, Peer>()

beforeAll(async () => {
  peers.set('Keyfold', keyfoldPeer())
  peers.set('JavaScript', javascriptPeer())
  if (python.state === 'located') peers.set('Python', await startPythonPeer(python))
})
afterAll(async () => {
  for (const peer of peers.values()) await peer[Symbol.asyncDispose]()
})

const directions = ['JavaScript', 'Python'].flatMap((other) => [
  { writer: 'Keyfold', reader: other },
  { writer: other, reader: 'Keyfold' },
])

describe.each(directions)('$reader opens what $writer wrote', ({ writer, reader }) => {
  beforeEach(({ skip }) => {
    if (python.state === 'skipped' && (writer === 'Python' || reader === 'Python')) skip(python.line)
  })

  describe.each(SUITES)('suite %s', (suite) => {
    it('under raw AES', () => passes({ suite }))

    it('under several recipients, by each of them', async () => {
      const several = keyring('multi')
      if (several.type !== 'multi' || several.generator === undefined) throw new Error('expected a generator')
      for (const recipient of [several, several.generator, ...several.children]) {
        await passes({ suite, keyring: several }, recipient)
      }
    })

    it.each(RSA_PADDINGS)('under raw RSA, %s', (padding) => passes({ suite, keyring: keyring(`rsa-${padding}`) }))

    it.each([0, 1, 127, 128, 129, 255, 256, 257])('%i bytes in frames of 128', (length) =>
      passes({ suite, plaintext: seededBytes('length', length) }),
    )

    it.each([1, 2, 7, 300, 4096, 0x1_0000, 0xffff_ffff])('in frames of %i bytes', async (frameLength) => {
      if (frameLength % 128 !== 0 && !peer(writer).supports('every-frame-length')) return
      if (frameLength > 0x7fff_ffff && !peer(reader).supports('frames-over-2-gib')) return
      await passes({ suite, frameLength })
    })

    it('in an unframed body, where the writer makes one', async () => {
      if (peer(writer).supports('writes-unframed')) await passes({ suite, frameLength: 0 })
      else await expect(peer(writer).encrypt(complete({ suite, frameLength: 0 }))).rejects.toThrow(/frame ?length/i)
    })

    it('with withheld context, where both know it', async () => {
      if (!peer(writer).supports('withheld-context') || !peer(reader).supports('withheld-context')) return
      for (const name of ['aes-256', 'rsa-oaep-sha256', 'multi']) {
        const request = complete({
          suite,
          keyring: keyring(name),
          context: { a: '1', b: '2' },
          requiredContextKeys: ['b'],
        })
        const message = { ...request, ciphertext: await peer(writer).encrypt(request), context: { b: '2' } }
        const opened = await peer(reader).decrypt(message)
        expect(Buffer.compare(opened.plaintext, request.plaintext)).toBe(0)
        expect(opened.context).not.toHaveProperty('b')
        await expect(peer(reader).decrypt({ ...message, context: { b: '3' } })).rejects.toThrow()
      }
    })
  })

  it.each(['aes-128', 'aes-192', 'aes-named'])('under the wrapping key %s', (name) =>
    passes({ keyring: keyring(name) }),
  )

  it('an empty context', () => passes({ context: {} }))

  async function passes(change: Partial<EncryptRequest>, openedBy?: KeyringDescription): Promise<void> {
    const request = complete(change)
    const ciphertext = await peer(writer).encrypt(request)
    const keyring = openedBy ?? request.keyring
    const opened = await peer(reader).decrypt({ ciphertext, commitmentPolicy: request.commitmentPolicy, keyring })
    expect(Buffer.compare(opened.plaintext, request.plaintext)).toBe(0)
    expect(opened.context).toMatchObject(request.context)
  }
})

describe('a vector', () => {
  it.each(vectors.map((vector) => [`${vector.name}, by ${vector.producer}`, vector] as const))(
    'opens: %s',
    async (_, vector) => {
      const { ciphertext, keyring, suite, withheld, plaintext } = vector
      const given = withheld === undefined ? {} : { context: withheld, requiredContextKeys: Object.keys(withheld) }
      const opening = keyfoldPeer().decrypt({ ciphertext, keyring, commitmentPolicy: policyFor(suite), ...given })
      // The one thing that Keyfold refuses where the others do not: docs/wire-format.md.
      if (Object.hasOwn(vector.context, '__proto__')) {
        await expect(opening).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' })
        return
      }
      const opened = await opening
      expect(Buffer.compare(opened.plaintext, plaintext)).toBe(0)
      expect(opened.context).toMatchObject(vector.context)
    },
  )

  it.each(vectors.filter(({ frameLength }) => frameLength > 2 ** 24).map((vector) => [vector.name, vector] as const))(
    'of frames over the default limit is refused by default: %s',
    async (_, { ciphertext, keyring, suite }) => {
      const { createEnvelope } = await import('@keyfold/core')
      if (keyring.type !== 'raw-aes') throw new Error('expected a raw AES vector')
      const keys = keysOf(keyring)
      const commitmentPolicy = suite.endsWith('478')
        ? 'require-encrypt-require-decrypt'
        : 'forbid-encrypt-allow-decrypt'
      await expect(createEnvelope({ keys, commitmentPolicy }).decrypt(ciphertext)).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
      })
    },
  )
})

function complete(change: Partial<EncryptRequest>): EncryptRequest {
  return completeRequest('interop', testKeys, change)
}

function peer(name: string): Peer {
  const found = peers.get(name)
  if (found === undefined) throw new Error(`no peer ${name}`)
  return found
}

function keyring(name: string): KeyringDescription {
  return keyringNamed(testKeys, name)
}
