/*
 * Entries that were sealed once, with node:crypto alone, open as long as there is this package. Their hosts are Azure's: the
 * requests of the real client are led to our server, which has the keys, below everything that this package does.
 */
import { readFileSync } from 'node:fs'
import { KeyfoldError } from '@keyfold/core'
import { describe, expect, test } from 'vitest'
import { type KeyVaultAlgorithm, type KeyVaultOptions, keyVault } from './index.ts'
import { failureOf, optionsFor, unhurried, useKeyVault } from './service.test-support.ts'

interface Vector {
  readonly algorithm: KeyVaultAlgorithm
  readonly wrappingKey: { readonly kty: string }
  readonly version: string
  readonly dataKey: string
  readonly contextBytes: string
  readonly entry: { readonly providerId: string; readonly providerInfo: string; readonly ciphertext: string }
}

const file = new URL('./entries.test-vectors.json', import.meta.url)
const { vectors }: { readonly vectors: readonly Vector[] } = JSON.parse(readFileSync(file, 'utf8'))
const fixture = useKeyVault()

describe.each(vectors.map((vector) => [vector.algorithm, vector] as const))(
  'a frozen entry of %s',
  (algorithm, vector) => {
    const { entry: frozen, version, wrappingKey } = vector
    const host = frozen.providerInfo.split('/')[2]
    const entry = {
      providerId: frozen.providerId,
      providerInfo: new TextEncoder().encode(frozen.providerInfo),
      ciphertext: Uint8Array.from(Buffer.from(frozen.ciphertext, 'base64')),
    }
    const bound = (contextBytes: string) => ({
      context: {},
      contextBytes: Uint8Array.from(Buffer.from(contextBytes, 'hex')),
    })
    const unwrap = (contextBytes = vector.contextBytes) => {
      const { keys, baseUrl } = fixture.service(algorithm)
      try {
        keys.version('orders', version)
      } catch {
        keys.import('orders', wrappingKey, { version })
      }
      const key = keyVault(`https://${host}/keys/orders`, { ...ledTo(baseUrl), algorithm })
      expect(key.accepts(entry)).toBe(true)
      return key.unwrapDataKey?.({ entry, length: 32, ...bound(contextBytes) }, unhurried)
    }

    test('opens to its data key', async () => {
      const dataKey = await unwrap()
      expect(Buffer.from(dataKey?.bytes ?? []).toString('hex')).toBe(vector.dataKey)
    })

    test('opens under another context only where it binds none', async () => {
      if (algorithm !== 'A256GCM') expect((await unwrap('00'))?.length).toBe(32)
      else
        expect(await failureOf(unwrap('00'))).toSatisfy(
          (error) => KeyfoldError.is(error) && error.code === 'AUTHENTICATION_FAILED',
        )
    })
  },
)

/** Options under which the client's requests go to our server, whatever host they name. */
function ledTo(baseUrl: string): KeyVaultOptions {
  const { hosts: _, clientOptions, ...options } = optionsFor(fixture.server())
  const lead: NonNullable<NonNullable<KeyVaultOptions['clientOptions']>['additionalPolicies']>[number] = {
    position: 'perRetry',
    policy: {
      name: 'lead',
      async sendRequest(request, next) {
        const { url } = request
        request.url = url.replace(/^https:\/\/[^/]+/, baseUrl)
        try {
          return await next(request)
        } finally {
          request.url = url
        }
      },
    },
  }
  return { ...options, clientOptions: { ...clientOptions, additionalPolicies: [lead] } }
}
