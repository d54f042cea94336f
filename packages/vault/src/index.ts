/**
 * Keys in the Transit engine of HashiCorp Vault and OpenBao. Start at {@link transit}; for references of a configuration,
 * {@link vault}.
 *
 * @module
 */
export { vault } from './adapter.ts'
export { token, tokenFile, type VaultAuth } from './auth.ts'
export { type TransitKey, type TransitOptions, transit } from './transit.ts'
export type { TransitKeyHealth } from './transit-health.ts'
export type { Binding } from './transit-key.ts'
export type { ConnectionOptions, NodeVaultClient } from './vault-client.ts'
