/**
 * Keys of Azure Key Vault and Managed HSM. Start at {@link keyVault}.
 *
 * @module
 */
export { type AzureOptions, azure } from './adapter.ts'
export { type KeyVaultOptions, keyVault } from './key-vault.ts'
export type { KeyVaultAlgorithm } from './key-vault-algorithms.ts'
export type { ConnectionOptions, KeyVaultClients } from './key-vault-client.ts'
export type { RetryOptions } from './key-vault-retries.ts'
