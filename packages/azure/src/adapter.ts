import { type Adapter, demandOptions, optionNames } from '@keyfold/core'
import { type KeyVaultOptions, keyVault } from './key-vault.ts'
import { parseKeyVaultReference } from './reference.ts'

/** Options of {@link azure}: they hold for every key that it opens. */
export type AzureOptions = Omit<KeyVaultOptions, 'algorithm'>

/**
 * Azure's keys for a registry: `azurekeyvault://VAULT.vault.azure.net/keys/NAME`, and of a managed HSM
 * `azurekeyvault://HSM.managedhsm.azure.net/keys/NAME?algorithm=A256GCM`.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT` for an unknown option
 *
 * @example
 * ```ts
 * import { createRegistry } from '@keyfold/core'
 * import { azure } from '@keyfold/azure'
 *
 * const key = createRegistry([azure()]).key('azurekeyvault://shop.vault.azure.net/keys/orders')
 * console.log(key.name) // shop.vault.azure.net/keys/orders
 * ```
 */
export function azure(options: AzureOptions = {}): Adapter {
  demandOptions('azure', options, knownOptions)
  return {
    keys: [
      {
        scheme: 'azurekeyvault',
        openKey(reference) {
          const { keyUrl, algorithm } = parseKeyVaultReference(reference)
          return keyVault(keyUrl, { ...options, algorithm })
        },
      },
    ],
  }
}

const knownOptions = optionNames<AzureOptions>({
  credential: true,
  clientOptions: true,
  retry: true,
  client: true,
  hosts: true,
})
