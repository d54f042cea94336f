import { type Adapter, demandOptions, optionNames } from '@keyfold/core'
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
 * @throws KeyfoldError `INVALID_ARGUMENT` for an unknown option
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
export function gcp(options: GcpOptions = {}): Adapter {
  // Left unread, a `client` in the wrong place would let another one, with other rights, be made in its stead.
  demandOptions('gcp', options, optionNames<GcpOptions>({ kms: true }))
  const { kms } = options
  return { keys: [{ scheme: 'gcpkms', openKey: (reference) => cloudKms(parseKeyReference(reference), kms) }] }
}
