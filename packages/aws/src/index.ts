/**
 * AWS's keys for Keyfold. Start at {@link awsKms}, or at {@link aws} where a configuration names the keys.
 *
 * @module
 */
export { type AwsOptions, aws } from './adapter.ts'
export { type AwsKms, type AwsKmsKey, type AwsKmsOptions, awsKms } from './aws-kms.ts'
export type { AwsKmsDiscoveryOptions } from './discovery.ts'
export type { GrantTokens } from './kms-calls.ts'
export type { AwsKmsHealth } from './kms-health.ts'
