/**
 * Keys of Azure Key Vault and Managed HSM. Start at {@link keyVault}.
 *
 * @module
 */
export { type AzureOptions, azure } from './adapter.ts'
export { type KeyVaultOptions, keyVault } from './key-vault.ts'
export type { KeyVaultAlgorithm } from './key-vault-algorithms.ts'
export type { ConnectionTerms, KeyVaultClients } from './key-vault-client.ts'
export type { RetryTerms } from './key-vault-retries.ts'
