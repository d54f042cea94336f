// What is particular to Cloud KMS, through the real client against our server, over both transports.
import { createHash } from 'node:crypto'
import { createEnvelope, dataKeyCache, type EncryptedDataKey, inspect, KeyfoldError } from '@keyfold/core'
import { flipBit, setField } from '@keyfold/testing/gcp/service-faults'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { givenClient } from './client-source.ts'
import {
  bound,
  hasty,
  keyName,
  options,
  type Setting,
  startSetting,
  transports,
  unwrapWith,
  wrapWith,
} from './cloud-kms.test-support.ts'
import { cloudKms, cloudKmsProvider } from './cloud-kms.ts'

vi.setConfig({ testTimeout: 30_000 }) // servers and clients of one machine, which may be busy

const { context, contextBytes } = bound
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

for (const transport of transports) {
  describe(`over ${transport}`, () => {
    let setting: Setting
    beforeEach(async () => {
      setting = await startSetting(transport)
    })
    afterEach(() => setting[Symbol.asyncDispose]())

    const wrap = (signal?: AbortSignal) => wrapWith(setting.provider, signal)
    const unwrap = (entry: EncryptedDataKey, signal?: AbortSignal) => unwrapWith(setting.provider, entry, signal)

    test('sends the digest of the context and every checksum, and decrypts under the name without a version', async () => {
      await unwrap(await wrap())
      const [encrypt, decrypt] = setting.server.faults.calls
      expect(encrypt?.method).toBe('Encrypt')
      expect(encrypt?.transport).toBe(transport)
      const aad = createHash('sha256').update(contextBytes).digest()
      expect(Buffer.from(encrypt?.request['additionalAuthenticatedData'] as Uint8Array)).toEqual(aad)
      const fields = ['additionalAuthenticatedData', 'additionalAuthenticatedDataCrc32c', 'name']
      expect(Object.keys(encrypt?.request ?? {}).sort()).toEqual([...fields, 'plaintext', 'plaintextCrc32c'])
      expect(Object.keys(decrypt?.request ?? {}).sort()).toEqual([...fields, 'ciphertext', 'ciphertextCrc32c'].sort())
      expect(decrypt?.request['name']).toBe(keyName)
    })

    test('records the version that the service answered, and opens entries of older ones', async () => {
      const before = await wrap()
      setting.server.model.rotate(keyName)
      const after = await wrap()
      expect([before, after].map(({ providerInfo }) => text(providerInfo))).toEqual([
        `${keyName}/cryptoKeyVersions/1`,
        `${keyName}/cryptoKeyVersions/2`,
      ])
      for (const entry of [before, after]) expect((await unwrap(entry)).length).toBe(32)
    })

    test('a disabled older version is KEY_DISABLED while the primary one works on', async () => {
      const before = await wrap()
      setting.server.model.rotate(keyName)
      setting.server.model.setState(keyName, 1, 'DISABLED')
      await expect(unwrap(before)).rejects.toMatchObject({ code: 'KEY_DISABLED', retryable: false })
      expect((await unwrap(await wrap())).length).toBe(32)
    })

    test.each([
      ['a ciphertext with a flipped bit', 'Encrypt', flipBit('ciphertext')],
      ['a checksum of other bytes', 'Encrypt', setField('ciphertextCrc32c', { value: '7' })],
      ['no checksum', 'Encrypt', setField('ciphertextCrc32c', undefined)],
      ['no word of the plaintext', 'Encrypt', setField('verifiedPlaintextCrc32c', false)],
      ['no word of the additional data', 'Encrypt', setField('verifiedAdditionalAuthenticatedDataCrc32c', false)],
      ["another key's name", 'Encrypt', setField('name', `${keyName}-other/cryptoKeyVersions/1`)],
      ['no name', 'Encrypt', setField('name', '')],
      ['a plaintext with a flipped bit', 'Decrypt', flipBit('plaintext')],
      ['a checksum of another plaintext', 'Decrypt', setField('plaintextCrc32c', { value: '7' })],
      ['no checksum of the plaintext', 'Decrypt', setField('plaintextCrc32c', undefined)],
    ] as const)('%s in the answer is TRANSPORT_CORRUPTION, and asked for again', async (_, method, fault) => {
      const { faults } = setting.server
      const entry = await wrap()
      const call = () => (method === 'Encrypt' ? wrap() : unwrap(entry))
      const before = faults.count(method)
      faults.fault(fault, { method, times: 2 })
      await call()
      expect(faults.count(method) - before).toBe(3)
      faults.fault(fault, { method })
      await expect(call()).rejects.toMatchObject({ code: 'TRANSPORT_CORRUPTION', retryable: true })
      expect(faults.count(method) - before).toBe(3 + hasty.tries)
    })

    test('throttling and outages are met with further tries, and their code survives the last one', async () => {
      const { faults } = setting.server
      const entry = await wrap()
      for (const [status, code] of [
        ['RESOURCE_EXHAUSTED', 'THROTTLED'],
        ['UNAVAILABLE', 'UNAVAILABLE'],
        ['INTERNAL', 'UNAVAILABLE'],
        ['DEADLINE_EXCEEDED', 'TIMEOUT'],
      ] as const) {
        const before = faults.count('Decrypt')
        faults.fail(status, { times: hasty.tries - 1 })
        await unwrap(entry)
        expect(faults.count('Decrypt') - before, status).toBe(hasty.tries)
        faults.fail(status)
        await expect(unwrap(entry)).rejects.toMatchObject({ code, retryable: true })
        expect(faults.count('Decrypt') - before, status).toBe(2 * hasty.tries)
        faults.recover()
      }
    })

    test('what cannot pass is asked once', async () => {
      const { faults, model } = setting.server
      const entry = await wrap()
      const asked = async (code: string): Promise<number> => {
        const before = faults.count()
        await expect(unwrap(entry)).rejects.toMatchObject({ code, retryable: false })
        return faults.count() - before
      }
      model.deny(keyName)
      expect(await asked('ACCESS_DENIED')).toBe(1)
      model.allow(keyName)
      model.setState(keyName, 1, 'DESTROY_SCHEDULED')
      expect(await asked('KEY_DISABLED')).toBe(1)
      model.removeKey(keyName)
      expect(await asked('KEY_NOT_FOUND')).toBe(1)
    })

    test('an abort cancels a call that hangs, and no further one is made', async () => {
      const { faults } = setting.server
      const entry = await wrap()
      faults.fault({ kind: 'hang' })
      const controller = new AbortController()
      const opening = unwrap(entry, controller.signal)
      await expect.poll(() => faults.count('Decrypt')).toBe(1)
      controller.abort(new KeyfoldError('TIMEOUT', 'no answer within 1 ms'))
      await expect(opening).rejects.toMatchObject({ code: 'TIMEOUT', message: 'no answer within 1 ms' })
      await expect.poll(() => faults.abandoned).toBe(1)
      faults.recover()
      expect(faults.count('Decrypt')).toBe(1)
      expect((await unwrap(entry)).length).toBe(32)
    })

    test('describes the primary version and whether the service rotates', async () => {
      const { model } = setting.server
      const { provider } = setting
      expect(await provider.describe(options())).toEqual({ state: 'enabled', version: '1', rotation: 'off' })
      const rotated = model.createKey(`${keyName}-r`, { versions: 3, rotationPeriodSeconds: 86_400 })
      const other = cloudKmsProvider(rotated, givenClient(setting.client), hasty)
      expect(await other.describe(options())).toEqual({ state: 'enabled', version: '3', rotation: 'on' })
      for (const [state, told] of [
        ['DISABLED', 'disabled'],
        ['DESTROY_SCHEDULED', 'pending-deletion'],
        ['DESTROYED', 'destroyed'],
      ] as const) {
        model.setState(rotated, 3, state)
        expect(await other.describe(options())).toMatchObject({ state: told, version: '3' })
      }
    })

    test('describes a key without a primary version as disabled, and refuses one for signatures', async () => {
      const { model } = setting.server
      const describeKey = (name: string) =>
        cloudKmsProvider(name, givenClient(setting.client), hasty).describe(options())
      const empty = model.createKey(`${keyName}-empty`, { versions: 0 })
      expect(await describeKey(empty)).toEqual({ state: 'disabled', rotation: 'off' })
      const signing = model.createKey(`${keyName}-sign`, {
        purpose: 'ASYMMETRIC_SIGN',
        algorithm: 'EC_SIGN_P384_SHA384',
      })
      await expect(describeKey(signing)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })

    test('a message whose header names another key, project or location causes no call', async () => {
      const { server, client } = setting
      const { model, faults } = server
      for (const name of [
        `${keyName}-other`,
        keyName.replace('test-project', 'evil-project'),
        keyName.replace('europe', 'global'),
        keyName.replace('main', 'evil'),
      ]) {
        model.createKey(name)
        const foreign = createEnvelope({ keys: cloudKms(name, { client }) })
        const sealed = await foreign.encrypt(new Uint8Array(3))
        const before = faults.count()
        const envelope = createEnvelope({ keys: setting.provider })
        await expect(envelope.decrypt(sealed)).rejects.toMatchObject({ code: 'NO_USABLE_KEY' })
        expect(faults.count()).toBe(before)
      }
    })

    test('a thousand cold calls at once under a cache are one call', async () => {
      const { faults } = setting.server
      const envelope = createEnvelope({ keys: setting.provider, cache: dataKeyCache({ maxAgeMs: 60_000 }) })
      const sealed = await Promise.all(
        Array.from({ length: 1000 }, () => envelope.encrypt(new Uint8Array(10), { context })),
      )
      expect(faults.count()).toBe(1)
      expect(new Set(sealed.map((message) => inspect(message).messageId.join())).size).toBe(1000)
      await envelope.close()
      const [message = new Uint8Array()] = sealed
      const opened = await createEnvelope({ keys: setting.provider }).decrypt(message, { context })
      expect(opened.openedBy).toEqual({ name: keyName, providerId: 'gcp-kms', authenticatesWriter: true })
    })
  })
}

test('refuses options that it does not have, and a transport beside a client', async () => {
  await using setting = await startSetting('grpc')
  const { client } = setting
  const refused = (given: object, text: RegExp) =>
    expect(() => cloudKms(keyName, given)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(text) }),
    )
  refused({ transprot: 'rest' }, /unknown option "transprot"/)
  refused({ transport: 'http' }, /expected grpc or rest/)
  refused({ transport: 'rest', client }, /has one already/)
})
