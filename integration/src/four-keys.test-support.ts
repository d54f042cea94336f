import type { KeyProvider } from '@keyfold/core'
import { availableServer } from '@keyfold/testing/availability'
import { moto, openBao } from '@keyfold/testing/servers'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { startAwsKms } from './aws-kms.test-support.ts'
import { startCloudKmsKey } from './cloud-kms.test-support.ts'
import { type AzureKeys, startKeyVaultKeys } from './key-vault.test-support.ts'
import type { ServedKey } from './served-key.test-support.ts'
import { startTransitKey } from './transit.test-support.ts'

/** The providers in the order in which these tests name them. */
export const providerIds = ['aws-kms', 'gcp-kms', 'azure-keyvault', 'vault-transit'] as const

export type ProviderId = (typeof providerIds)[number]

/** What is there from the first test of a file to its last. */
export interface FourKeys {
  of(id: ProviderId): ServedKey
  /** All, or those but one. */
  but(id?: ProviderId): readonly ServedKey[]
  keys(): readonly KeyProvider[]
  azure(): AzureKeys
}

const servers = { moto: await availableServer(moto), openBao: await availableServer(openBao) }

/** For the tests of one file: services and proxies start before them; before each, nothing fails. */
export function useFourKeys(): FourKeys {
  const ending = new AsyncDisposableStack()
  let started: (Readonly<Record<ProviderId, ServedKey>> & { readonly 'azure-keyvault': AzureKeys }) | undefined
  const all = (): NonNullable<typeof started> => {
    if (started === undefined) throw new Error('the services are there in tests alone')
    return started
  }
  beforeAll(async () => {
    if (servers.moto.state === 'skipped' || servers.openBao.state === 'skipped') return
    started = {
      'aws-kms': ending.use(await startAwsKms(servers.moto)),
      'gcp-kms': ending.use(await startCloudKmsKey()),
      'azure-keyvault': ending.use(await startKeyVaultKeys()),
      'vault-transit': ending.use(await startTransitKey(servers.openBao)),
    }
  }, 100_000)
  beforeEach(({ skip }) => {
    for (const server of Object.values(servers)) if (server.state === 'skipped') skip(server.line)
    for (const { proxy } of Object.values(all())) proxy.recover()
  })
  afterAll(() => ending.disposeAsync())
  const but = (id?: ProviderId): readonly ServedKey[] =>
    providerIds.filter((one) => one !== id).map((one) => all()[one])
  return { of: (id) => all()[id], but, keys: () => but().map(({ key }) => key), azure: () => all()['azure-keyvault'] }
}
