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

test.each([...Array(16).keys()])(
  'a data key that no call hands over is wiped: an abort %i turns after the answer',
  async (turns) => {
    const controller = new AbortController()
    const plaintext = new Uint8Array(32).fill(7)
    const answer = [{ plaintext, plaintextCrc32c: { value: String(crc32c(plaintext)) } }]
    const decrypt = async (): Promise<readonly unknown[]> => {
      void (async () => {
        for (let turn = 0; turn < turns; turn++) await undefined
        controller.abort()
      })()
      return answer
    }
    const made = vi.spyOn(SecretBytes, 'from')
    const provider = cloudKmsProvider(keyName, givenClient(answering({ decrypt })), hasty)
    const given = await unwrapWith(provider, entry, controller.signal).catch(() => undefined)
    await new Promise(setImmediate)
    const dataKeys = made.mock.results.map(({ value }) => value)
    made.mockRestore()
    expect(dataKeys.filter((dataKey) => !dataKey.released)).toEqual(given === undefined ? [] : [given])
    expect(plaintext.every((byte) => byte === 0)).toBe(true)
  },
)

test('a data key that comes long after the abort is wiped', async () => {
  const controller = new AbortController()
  const plaintext = new Uint8Array(32).fill(7)
  const answer = Promise.withResolvers<readonly unknown[]>()
  const decrypt = vi.fn((): Promise<readonly unknown[]> => answer.promise)
  const provider = cloudKmsProvider(keyName, givenClient(answering({ decrypt })), hasty)
  const refused = expect(unwrapWith(provider, entry, controller.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  await vi.waitFor(() => expect(decrypt).toHaveBeenCalledOnce())
  controller.abort()
  await refused
  const made = vi.spyOn(SecretBytes, 'from')
  answer.resolve([{ plaintext, plaintextCrc32c: { value: String(crc32c(plaintext)) } }])
  await expect.poll(() => plaintext.every((byte) => byte === 0)).toBe(true)
  await new Promise(setImmediate)
  expect(made.mock.results.map(({ value }) => value.released)).toEqual([true])
  made.mockRestore()
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
