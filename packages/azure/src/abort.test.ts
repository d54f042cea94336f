import type { UnwrapResult } from '@azure/keyvault-keys'
import { type EncryptedDataKey, KeyfoldError, type KeyProvider, SecretBytes } from '@keyfold/core'
import { describe, expect, test, vi } from 'vitest'
import { dataKeyOf, failureOf, plainContext, useKeyVault } from './service.test-support.ts'

const fixture = useKeyVault()
const entryOfKey = (): EncryptedDataKey => {
  const info = `${fixture.server().vaultUrl}/keys/orders/${'0'.repeat(32)}#RSA-OAEP-256`
  return { providerId: 'azure-keyvault', providerInfo: new TextEncoder().encode(info), ciphertext: new Uint8Array(256) }
}

describe('with a credential that never answers, an abort ends', () => {
  test.each<readonly [string, (key: KeyProvider, signal: AbortSignal) => Promise<unknown> | undefined]>([
    ['describe', (key, signal) => key.describe?.({ signal })],
    [
      'wrapDataKey',
      (key, signal) => key.wrapDataKey?.({ dataKey: dataKeyOf(32).dataKey, ...plainContext }, { signal }),
    ],
    [
      'unwrapDataKey',
      (key, signal) => key.unwrapDataKey?.({ entry: entryOfKey(), length: 32, ...plainContext }, { signal }),
    ],
  ])('%s with ABORTED, or with the reason of core', async (_, call) => {
    const timeout = new KeyfoldError('TIMEOUT', 'no answer within 10 ms')
    for (const [reason, code] of [
      [undefined, 'ABORTED'],
      [timeout, 'TIMEOUT'],
    ] as const) {
      const { credential, asked } = deafCredential()
      const key = fixture.key('orders', { credential })
      const caller = new AbortController()
      const failed = failureOf(call(key, caller.signal))
      await asked
      caller.abort(reason)
      expect(await failed).toMatchObject({ code })
    }
  })
})

test('a data key that comes after the abort is wiped', async () => {
  const made = vi.spyOn(SecretBytes, 'from')
  try {
    const key = fixture.key('orders')
    const { CryptographyClient } = await import('@azure/keyvault-keys')
    const late = Promise.withResolvers<UnwrapResult>()
    const opening = Promise.withResolvers<void>()
    vi.spyOn(CryptographyClient.prototype, 'unwrapKey').mockImplementationOnce(() => {
      opening.resolve()
      return late.promise
    })
    const caller = new AbortController()
    const failed = failureOf(
      key.unwrapDataKey?.({ entry: entryOfKey(), length: 32, ...plainContext }, { signal: caller.signal }),
    )
    await opening.promise
    caller.abort()
    expect(await failed).toMatchObject({ code: 'ABORTED' })
    made.mockClear()
    late.resolve({ result: new Uint8Array(32).fill(7), algorithm: 'RSA-OAEP-256' })
    await vi.waitFor(() => expect(made.mock.results[0]?.value).toMatchObject({ released: true }))
  } finally {
    vi.restoreAllMocks()
  }
})

test('the copy that the client has of a data key is wiped at the abort, though the client never ends', async () => {
  const { CryptographyClient } = await import('@azure/keyvault-keys')
  const given = Promise.withResolvers<Uint8Array>()
  const spy = vi.spyOn(CryptographyClient.prototype, 'wrapKey').mockImplementationOnce((_, bytes) => {
    given.resolve(bytes)
    return new Promise<never>(() => undefined)
  })
  try {
    const { dataKey, bytes } = dataKeyOf(32)
    const caller = new AbortController()
    const failed = failureOf(
      fixture.key('orders').wrapDataKey?.({ dataKey, ...plainContext }, { signal: caller.signal }),
    )
    const copy = await given.promise
    expect(copy).toEqual(bytes)
    caller.abort()
    expect(await failed).toMatchObject({ code: 'ABORTED' })
    expect([copy, dataKey.bytes]).toEqual([new Uint8Array(32), bytes])
  } finally {
    spy.mockRestore()
  }
})

function deafCredential() {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const getToken = () => {
    resolve()
    return new Promise<never>(() => undefined)
  }
  return { asked, credential: { getToken } }
}
