/**
 * Keyfold on Google Cloud: data keys sealed by Cloud KMS. Start at {@link cloudKms}.
 *
 * @module
 */
export { type GcpOptions, gcp } from './adapter.ts'
export { type CloudKmsKey, type CloudKmsOptions, cloudKms } from './cloud-kms.ts'
export type { CloudKmsClient, CloudKmsTransport } from './cloud-kms-client.ts'
export type { ServiceAnswer } from './cloud-kms-errors.ts'
