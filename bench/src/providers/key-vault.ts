import { CryptographyClient, type KeyVaultKey } from '@azure/keyvault-keys'
import { type KeyVaultAlgorithm, type KeyVaultOptions, keyVault } from '@keyfold/azure'
import { type KeyVaultServer, startKeyVault } from '@keyfold/testing/azure/key-vault'
import { digest } from './context.ts'
import type { BareClient, ServiceKeyRow } from './service-key.ts'

export const keyVaults: readonly ServiceKeyRow[] = [row('RSA-OAEP-256'), row('A256GCM')]

function row(algorithm: 'RSA-OAEP-256' | 'A256GCM'): ServiceKeyRow {
  return {
    name: `keyVault, ${algorithm}`,
    async start() {
      const server = await startKeyVault()
      const { vault, hsm } = server.model
      vault.keys.create('orders', { kty: 'RSA' })
      hsm.keys.create('orders', { kty: 'oct-HSM' })
      const [url, service] = algorithm === 'RSA-OAEP-256' ? [server.vaultUrl, vault] : [server.hsmUrl, hsm]
      const keys = keyVault(`${url}/keys/orders`, { ...connectionTo(server), algorithm })
      return {
        keys,
        bare: bareClient(server, url, algorithm),
        counted: { keys, requests: () => service.log.requests.length },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      }
    },
  }
}

function connectionTo({ ca, vaultUrl, hsmUrl }: KeyVaultServer): Required<Connection> {
  return {
    credential: { getToken: async () => ({ token: 'test-token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
    hosts: [vaultUrl, hsmUrl].map((url) => url.replace('https://', '')),
    clientOptions: { tlsOptions: { ca }, disableChallengeResourceVerification: true },
  }
}

interface Connection extends Pick<KeyVaultOptions, 'hosts'> {
  readonly credential: NonNullable<KeyVaultOptions['credential']>
  readonly clientOptions: NonNullable<KeyVaultOptions['clientOptions']>
}

/** Given a key object and no public key, the client leaves wrapping to the service, as ours does. */
function bareClient(server: KeyVaultServer, vaultUrl: string, algorithm: KeyVaultAlgorithm): BareClient {
  const { credential, clientOptions } = connectionTo(server)
  const name = 'orders'
  const key: KeyVaultKey = { id: `${vaultUrl}/keys/${name}/`, name, properties: { vaultUrl, name, version: '' } }
  const client = new CryptographyClient(key, credential, clientOptions)
  if (algorithm !== 'A256GCM') {
    return {
      wrap: async (dataKey) => (await client.wrapKey(algorithm, dataKey)).result,
      unwrap: async (ciphertext) => (await client.unwrapKey(algorithm, ciphertext)).result,
    }
  }
  return {
    async wrap(plaintext) {
      const sealed = await client.encrypt({ algorithm, plaintext, additionalAuthenticatedData: digest })
      const { iv, result, authenticationTag } = sealed
      if (iv === undefined || authenticationTag === undefined) throw new Error('keyVault: an answer without iv or tag')
      return Buffer.concat([iv, result, authenticationTag])
    },
    async unwrap(entry) {
      const [iv, ciphertext, authenticationTag] = [entry.subarray(0, 12), entry.subarray(12, -16), entry.subarray(-16)]
      const sealed = { iv, ciphertext, authenticationTag, additionalAuthenticatedData: digest }
      return (await client.decrypt({ algorithm, ...sealed })).result
    },
  }
}
