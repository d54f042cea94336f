// What a call leaves behind, and what it is made with; by a client that answers by itself.
import { crc32c } from '@aws-crypto/crc32c'
import { SecretBytes } from '@keyfold/core'
import { expect, test, vi } from 'vitest'
import { type ClientSource, givenClient } from './client-source.ts'
import { answering, hasty, keyName, startSetting, unwrapWith, wrapWith } from './cloud-kms.test-support.ts'
import { cloudKmsProvider } from './cloud-kms.ts'

const version = `${keyName}/cryptoKeyVersions/1`
const ciphertext = new Uint8Array([1, 2, 3])
const entry = { providerId: 'gcp-kms', providerInfo: new TextEncoder().encode(version), ciphertext }
const sealed = {
  name: version,
  ciphertext,
  ciphertextCrc32c: { value: String(crc32c(ciphertext)) },
  verifiedPlaintextCrc32c: true,
  verifiedAdditionalAuthenticatedDataCrc32c: true,
}

test('a call has the signal, four seconds, the header for its route, and none of the retries of the client', async () => {
  const encrypt = vi.fn(async () => [sealed])
  const { signal } = new AbortController()
  await wrapWith(cloudKmsProvider(keyName, givenClient(answering({ encrypt })), hasty), signal)
  expect(encrypt).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: keyName }), {
    signal,
    timeout: 4000,
    retry: null,
    otherArgs: { headers: { 'x-goog-request-params': `name=${encodeURIComponent(keyName)}` } },
  })
})

test('the copy of the data key that was sent is wiped, whether the call works or not', async () => {
  const sent: Uint8Array[] = []
  const encrypt = async ({ plaintext }: { plaintext: Uint8Array }) => {
    sent.push(plaintext)
    expect(plaintext.some((byte) => byte !== 0)).toBe(true)
    if (sent.length === 1) throw Object.assign(new Error('no'), { code: 14 })
    return [sealed]
  }
  await wrapWith(cloudKmsProvider(keyName, givenClient(answering({ encrypt })), hasty))
  expect(sent.map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true, true])
})

test('a data key that comes after the abort is wiped and handed to nobody', async () => {
  const controller = new AbortController()
  const plaintext = new Uint8Array(32).fill(7)
  const answer = Promise.withResolvers<readonly unknown[]>()
  const decrypt = (): Promise<readonly unknown[]> => answer.promise
  const opening = unwrapWith(
    cloudKmsProvider(keyName, givenClient(answering({ decrypt })), hasty),
    entry,
    controller.signal,
  )
  const refused = expect(opening).rejects.toMatchObject({ code: 'ABORTED' })
  const taken = vi.spyOn(SecretBytes, 'from')
  await Promise.resolve()
  controller.abort()
  await refused
  answer.resolve([{ plaintext, plaintextCrc32c: { value: String(crc32c(plaintext)) } }])
  await expect.poll(() => plaintext.every((byte) => byte === 0)).toBe(true)
  expect(taken).not.toHaveBeenCalled()
  taken.mockRestore()
})

test('a call that is aborted already does not even load the client', async () => {
  const source: ClientSource = { ...givenClient(answering({})), get: vi.fn() }
  await expect(unwrapWith(cloudKmsProvider(keyName, source, hasty), entry, AbortSignal.abort())).rejects.toMatchObject({
    code: 'ABORTED',
  })
  expect(source.get).not.toHaveBeenCalled()
})

test('an entry holds memory of its own, not a part of what the client received', async () => {
  await using setting = await startSetting('grpc')
  const { ciphertext: held } = await wrapWith(setting.provider)
  expect(held.buffer.byteLength).toBe(held.byteLength)
})
