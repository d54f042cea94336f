import { type AzureOptions, azure, keyVault } from '@keyfold/azure'
import type { KeyProvider } from '@keyfold/core'
import { makeCertificate } from '@keyfold/testing/azure/certificate'
import { startKeyVault } from '@keyfold/testing/azure/key-vault'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import type { ServedKey } from './served-key.test-support.ts'

/** An RSA key of Key Vault, and a symmetric one of a managed HSM, which stands behind no proxy. */
export interface AzureKeys extends ServedKey {
  readonly hsmKey: KeyProvider
}

export async function startKeyVaultKeys(): Promise<AzureKeys> {
  await using starting = new AsyncDisposableStack()
  const server = starting.use(await startKeyVault())
  const { vault, hsm } = server.model
  vault.keys.create('orders', { kty: 'RSA' })
  hsm.keys.create('orders', { kty: 'oct-HSM', key_size: 256 })
  const { certificate, privateKey } = await makeCertificate()
  const tls = { key: privateKey, cert: certificate, ca: server.ca }
  const proxy = starting.use(await startFaultProxy({ target: vault.baseUrl, tls }))
  vault.baseUrl = proxy.url // its answers name the address by which it is known
  const started = starting.move()

  const options = optionsFor(proxy.url, certificate)
  const denied = { error: { code: 'Forbidden', message: '', innererror: { code: 'ForbiddenByRbac' } } }
  return {
    key: keyVault(`${proxy.url}/keys/orders`, options),
    hsmKey: keyVault(`${hsm.baseUrl}/keys/orders`, { ...optionsFor(hsm.baseUrl, server.ca), algorithm: 'A256GCM' }),
    proxy,
    reference: `azurekeyvault://${new URL(proxy.url).host}/keys/orders`,
    adapter: azure(options),
    denial: { kind: 'status', status: 403, body: JSON.stringify(denied) },
    // The client's first request is without a token, and asks only where to get one.
    isDataKeyCall: ({ path, headers }) => path.includes('/wrapkey') && headers['authorization'] !== undefined,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

function optionsFor(url: string, ca: string): AzureOptions {
  return {
    credential: { getToken: async () => ({ token: 'test-token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
    hosts: [new URL(url).host],
    clientOptions: { tlsOptions: { ca }, disableChallengeResourceVerification: true },
  }
}
