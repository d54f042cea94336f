// What the client hands out, in the forms in which it may.
import { expect, test, vi } from 'vitest'
import { givenClient } from './client-source.ts'
import { altering, hasty, keyName, startSetting, unwrapWith, wrapWith } from './cloud-kms.test-support.ts'
import { cloudKmsProvider } from './cloud-kms.ts'
import { checksum, demandIntact, demandVerified } from './integrity.ts'

vi.setConfig({ testTimeout: 30_000 }) // servers and clients of one machine, which may be busy

test.each([
  ['a number', (value: string) => Number(value)],
  ['text', (value: string) => value],
  ['a number, wrapped', (value: string) => ({ value: Number(value) })],
  ['an object that prints as one, as Long does', (value: string) => ({ value: { toString: () => value } })],
  ['such an object, bare', (value: string) => ({ toString: () => value })],
])('takes a checksum as %s', async (_, form) => {
  await using setting = await startSetting('grpc')
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  const entry = await wrapWith(setting.provider, undefined, bytes)
  const client = altering(setting, ({ plaintext, plaintextCrc32c }) => {
    const { value } = plaintextCrc32c as { readonly value: string } // what the client gives today
    return { plaintext, plaintextCrc32c: form(value) }
  })
  const opened = await unwrapWith(cloudKmsProvider(keyName, givenClient(client), hasty), entry)
  expect(opened.bytes).toEqual(bytes)
})

test("wipes the client's plaintext, whether its checksum holds or not", async () => {
  await using setting = await startSetting('grpc')
  const entry = await wrapWith(setting.provider)
  const seen: Uint8Array[] = []
  const client = altering(setting, (answer) => {
    expect(answer.plaintext.some((byte) => byte !== 0)).toBe(true)
    seen.push(answer.plaintext)
    return seen.length === 1 ? { ...answer, plaintextCrc32c: { value: '7' } } : answer
  })
  const opened = await unwrapWith(cloudKmsProvider(keyName, givenClient(client), hasty), entry)
  expect(seen.map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true, true])
  expect(opened.bytes.some((byte) => byte !== 0)).toBe(true)
})

test('computes CRC32C, not the CRC32 of zlib', () => {
  // Source: RFC 3720, appendix B.4
  expect(checksum(new Uint8Array(32))).toEqual({ value: 0x8a9136aa })
  expect(checksum(new Uint8Array(32).fill(0xff))).toEqual({ value: 0x62a8ab43 })
  expect(checksum(Uint8Array.from({ length: 32 }, (_, at) => at))).toEqual({ value: 0x46dd794e })
})

test.each([[undefined], [null], [{ value: null }], [''], ['0x8a9136aa'], [-1970194774]])(
  'takes %j for no checksum',
  (claimed) => {
    expect(() => demandIntact('plaintext', new Uint8Array(32), claimed)).toThrow(
      expect.objectContaining({ code: 'TRANSPORT_CORRUPTION', retryable: true }),
    )
  },
)

test.each([[undefined], [null], [''], [[]]])('takes %j for no bytes', (bytes) => {
  expect(() => demandIntact('plaintext', bytes, { value: 0 })).toThrow(
    expect.objectContaining({ code: 'TRANSPORT_CORRUPTION', retryable: true }),
  )
})

test.each([[undefined], [null], [false]])('takes %j for no verification', (verified) => {
  expect(() => demandVerified('plaintext', verified)).toThrow(expect.objectContaining({ code: 'TRANSPORT_CORRUPTION' }))
})
