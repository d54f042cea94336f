import type { Adapter } from '@keyfold/core'
import { type CloudKmsOptions, cloudKms } from './cloud-kms.ts'
import { parseKeyReference } from './reference.ts'

/** Options of {@link gcp}. */
export interface GcpOptions {
  /** Of every Cloud KMS key: a client of your own, or the transport of the shared one. */
  readonly kms?: CloudKmsOptions | undefined
}

/**
 * Google Cloud for a registry: keys of Cloud KMS as `gcpkms://projects/…/locations/…/keyRings/…/cryptoKeys/…`.
 *
 * @example
 * ```ts
 * import { createRegistry } from '@keyfold/core'
 * import { gcp } from '@keyfold/gcp'
 *
 * const registry = createRegistry([gcp()])
 * const key = registry.key('gcpkms://projects/shop/locations/europe/keyRings/main/cryptoKeys/orders')
 * console.log(key.name) // projects/shop/locations/europe/keyRings/main/cryptoKeys/orders
 * ```
 */
export function gcp({ kms }: GcpOptions = {}): Adapter {
  return { keys: [{ scheme: 'gcpkms', openKey: (reference) => cloudKms(parseKeyReference(reference), kms) }] }
}
