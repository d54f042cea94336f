// What no recording shows of the server, through the real client. The faults are tested by those who use them.
import { crc32c } from '@aws-crypto/crc32c'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CloudKms, startCloudKms } from './cloud-kms.ts'
import { cloudKmsClient, type GoogleTransport } from './cloud-kms-client.ts'

const ring = 'projects/p/locations/l/keyRings/r'
const transports: readonly GoogleTransport[] = ['grpc', 'rest']
const plaintext = Buffer.from('a data key')
const aad = Buffer.from('a digest')

describe.each(transports)('over %s', (transport) => {
  let server: CloudKms
  let client: ReturnType<typeof cloudKmsClient>
  beforeAll(async () => {
    server = await startCloudKms()
    client = cloudKmsClient(server, transport)
  })
  afterAll(async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  })

  test('makes a ring, a key and its versions, and takes them through their states', async () => {
    await client.createKeyRing({ parent: 'projects/p/locations/l', keyRingId: 'r', keyRing: {} })
    const purpose = 'ENCRYPT_DECRYPT' as const
    const [key] = await client.createCryptoKey({ parent: ring, cryptoKeyId: 'made', cryptoKey: { purpose } })
    const name = key.name ?? ''
    expect(key).toMatchObject({ name: `${ring}/cryptoKeys/made`, purpose, primary: { state: 'ENABLED' } })
    const [version] = await client.createCryptoKeyVersion({ parent: name, cryptoKeyVersion: {} })
    expect(version.name).toBe(`${name}/cryptoKeyVersions/2`)
    const [moved] = await client.updateCryptoKeyPrimaryVersion({ name, cryptoKeyVersionId: '2' })
    expect(moved.primary?.name).toBe(version.name)
    const disabled = { name: version.name ?? '', state: 'DISABLED' as const }
    const [update] = await client.updateCryptoKeyVersion({
      cryptoKeyVersion: disabled,
      updateMask: { paths: ['state'] },
    })
    expect(update.state).toBe('DISABLED')
    await expect(client.encrypt({ name, plaintext })).rejects.toMatchObject({ code: 9 })
    const [scheduled] = await client.destroyCryptoKeyVersion({ name: disabled.name })
    expect(scheduled).toMatchObject({ state: 'DESTROY_SCHEDULED', destroyTime: { seconds: expect.any(String) } })
    const [restored] = await client.restoreCryptoKeyVersion({ name: disabled.name })
    expect(restored.state).toBe('DISABLED')
    const rotating = { name, rotationPeriod: { seconds: 86_400 } }
    const [changed] = await client.updateCryptoKey({ cryptoKey: rotating, updateMask: { paths: ['rotation_period'] } })
    expect(changed.rotationPeriod).toMatchObject({ seconds: '86400' })
    const [listed] = await client.listCryptoKeyVersions({ parent: name })
    expect(listed.map(({ state }) => state)).toEqual(['ENABLED', 'DISABLED'])
  })

  test('verifies the checksums that are sent, says so, and answers with its own', async () => {
    const name = server.model.createKey(`${ring}/cryptoKeys/checked`)
    const [sealed] = await client.encrypt({
      name,
      plaintext,
      additionalAuthenticatedData: aad,
      plaintextCrc32c: { value: crc32c(plaintext) },
    })
    expect(sealed).toMatchObject({
      name: `${name}/cryptoKeyVersions/1`,
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: false,
    })
    const ciphertext = sealed.ciphertext as Uint8Array // the client gives bytes
    expect(sealed.ciphertextCrc32c).toEqual({ value: String(crc32c(ciphertext)) })
    const [opened] = await client.decrypt({ name, ciphertext, additionalAuthenticatedData: aad })
    expect(opened).toMatchObject({
      plaintext,
      plaintextCrc32c: { value: String(crc32c(plaintext)) },
      usedPrimary: true,
    })
    for (const field of ['plaintextCrc32c', 'additionalAuthenticatedDataCrc32c']) {
      const wrong = { name, plaintext, additionalAuthenticatedData: aad, [field]: { value: 7 } }
      await expect(client.encrypt(wrong)).rejects.toMatchObject({ code: 3 })
    }
  })

  test("opens no ciphertext under other data or another key, nor under a version's name", async () => {
    const name = server.model.createKey(`${ring}/cryptoKeys/one`)
    const other = server.model.createKey(`${ring}/cryptoKeys/other`)
    const [sealed] = await client.encrypt({ name, plaintext, additionalAuthenticatedData: aad })
    const request = { name, ciphertext: sealed.ciphertext ?? '', additionalAuthenticatedData: aad }
    for (const wrong of [{ additionalAuthenticatedData: plaintext }, { name: other }]) {
      await expect(client.decrypt({ ...request, ...wrong })).rejects.toMatchObject({ code: 3 })
    }
    // Over REST the client has no address for such a request.
    const byVersion = client.decrypt({ ...request, name: `${name}/cryptoKeyVersions/1` })
    await expect(byVersion).rejects.toMatchObject(transport === 'grpc' ? { code: 3 } : { message: /Cannot build/ })
    expect((await client.decrypt(request))?.[0].plaintext).toEqual(plaintext)
  })

  test('destroyed key material is gone', async () => {
    const name = server.model.createKey(`${ring}/cryptoKeys/gone`)
    const version = server.model.keys.get(name)?.versions[0]
    expect(version?.key.some((byte) => byte !== 0)).toBe(true)
    server.model.setState(name, 1, 'DESTROYED')
    expect(version?.key.every((byte) => byte === 0)).toBe(true)
  })

  test('refuses what is too long, and does not serve what it does not know', async () => {
    const name = server.model.createKey(`${ring}/cryptoKeys/short`)
    const long = new Uint8Array(64 * 1024 + 1)
    await expect(client.encrypt({ name, plaintext: long })).rejects.toMatchObject({ code: 3 })
    await expect(client.generateRandomBytes({ location: 'projects/p/locations/l' })).rejects.toMatchObject({ code: 12 })
  })

  test('its end ends the calls that hang', async () => {
    const ending = await startCloudKms()
    const waiting = cloudKmsClient(ending, transport)
    ending.faults.fault({ kind: 'hang' })
    const call = waiting.getCryptoKey({ name: 'projects/p/locations/l/keyRings/r/cryptoKeys/k' }, { retry: null })
    const outcome = expect(call).rejects.toMatchObject({ code: 14 })
    await expect.poll(() => ending.faults.count()).toBe(1)
    await ending[Symbol.asyncDispose]()
    await outcome
    await waiting.close()
  })
})
