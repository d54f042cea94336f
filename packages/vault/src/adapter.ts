import { type Adapter, demandOptions, optionNames } from '@keyfold/core'
import { parseTransitReference } from './reference.ts'
import { transit } from './transit.ts'
import { type ConnectionOptions, connectionOptionNames } from './vault-client.ts'

/**
 * Keys of Vault and OpenBao for a registry: `hashivault://KEY?engine=transit`.
 *
 * @param options how the server of all of them is reached; a reference may name another namespace
 * @throws KeyfoldError `INVALID_ARGUMENT` for an unknown option
 *
 * @example
 * ```ts
 * import { createRegistry } from '@keyfold/core'
 * import { vault } from '@keyfold/vault'
 *
 * const registry = createRegistry([vault({ address: 'https://vault.example:8200' })])
 * console.log(registry.key('hashivault://orders?engine=team/transit').name) // team/transit/orders
 * ```
 */
export function vault(options: ConnectionOptions = {}): Adapter {
  demandOptions('vault', options, optionNames<ConnectionOptions>(connectionOptionNames))
  return {
    keys: [
      {
        scheme: 'hashivault',
        openKey(reference) {
          const { key, options: named } = parseTransitReference(reference)
          return transit(key, { ...options, ...named, namespace: named.namespace ?? options.namespace })
        },
      },
    ],
  }
}
