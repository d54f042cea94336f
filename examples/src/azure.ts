// Keys of Azure Key Vault and Managed HSM, against the test server of this repository: sealed for both, rotated, opened; and
// what a version that somebody disabled means. In earnest, `keyVault(url)` is all: DefaultAzureCredential finds who you are.
import assert from 'node:assert/strict'
import { keyVault } from '@keyfold/azure'
import { anyOf, createEnvelope, inspect, KeyfoldError } from '@keyfold/core'
import { startKeyVault } from '@keyfold/testing/azure/key-vault'

await using server = await startKeyVault()
const { vault, hsm } = server.model
vault.keys.create('orders', { kty: 'RSA', key_size: 2048 })
hsm.keys.create('orders', { kty: 'oct-HSM', key_size: 256 })

// What a server of one's own needs, and Azure does not.
const here = {
  credential: { getToken: async () => ({ token: 'test-token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
  hosts: [server.vaultUrl, server.hsmUrl].map((url) => url.replace('https://', '')),
  clientOptions: { tlsOptions: { ca: server.ca }, disableChallengeResourceVerification: true },
}
const inHsm = keyVault(`${server.hsmUrl}/keys/orders`, { ...here, algorithm: 'A256GCM' })
const inVault = keyVault(`${server.vaultUrl}/keys/orders`, here)
const envelope = createEnvelope({ keys: anyOf(inHsm, inVault), requireContext: ['tenant'] })
const context = { tenant: 't-42' }

const before = await envelope.encrypt(new TextEncoder().encode('order 7'), { context })
vault.keys.rotate('orders') // as the service does by itself under a rotation policy
hsm.keys.rotate('orders')
for (const { providerInfo } of inspect(before).encryptedDataKeys) {
  console.log(new TextDecoder().decode(providerInfo).replace(/^https:\/\/[^/]+/, '…'))
}
const { plaintext, openedBy } = await envelope.decrypt(before, { context })
console.log(new TextDecoder().decode(plaintext), openedBy.authenticatesWriter)
console.log(await inHsm.describe?.({ signal: AbortSignal.timeout(5000) }))

const [oldest] = vault.keys.key('orders').versions
assert.ok(oldest)
oldest.enabled = false
const refusal: unknown = await createEnvelope({ keys: inVault })
  .decrypt(before, { context })
  .catch((error: unknown) => error)
console.log(KeyfoldError.is(refusal) && refusal.code)

assert.equal(openedBy.name, inHsm.name)
assert.ok(KeyfoldError.is(refusal) && refusal.code === 'KEY_DISABLED')
