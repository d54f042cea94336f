import { KeyfoldError } from '@keyfold/core'

/** A key of a vault or managed HSM, as a configuration names it. */
export interface KeyIdentifier {
  /** In lower case, with its port where the configuration gives one. */
  readonly host: string
  readonly name: string
  /** 32 hexadecimal digits; empty for whichever is current. */
  readonly version: string
}

/**
 * Reads `https://HOST/keys/NAME[/VERSION]`. The host is one of Azure's for vaults or managed HSMs, or one of `hosts`: whoever
 * may write a configuration's key must not thereby send tokens and data keys to a server of his own.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 */
export function parseKeyUrl(url: string, hosts: readonly string[]): KeyIdentifier {
  const [, writtenHost, name, version = ''] = keyUrl.exec(url) ?? []
  if (writtenHost === undefined || name === undefined) {
    const expected = 'https://HOST/keys/NAME or https://HOST/keys/NAME/VERSION, a name of letters, digits and hyphens'
    throw new KeyfoldError('INVALID_ARGUMENT', `keyVault: expected ${expected}`)
  }
  const host = writtenHost.toLowerCase()
  if (!azureHost.test(host) && !hosts.some((known) => known.toLowerCase() === host)) {
    const message = `keyVault: ${host} is no host of Azure's vaults or managed HSMs; name it in hosts if it is yours`
    throw new KeyfoldError('INVALID_ARGUMENT', message)
  }
  return { host, name, version }
}

// Anchored and of few characters: no user, query, fragment, escape or dot segment has a place in it.
const keyUrl = /^https:\/\/([0-9A-Za-z.-]+(?::\d{1,5})?)\/keys\/([0-9A-Za-z-]{1,127})(?:\/([0-9a-f]{32}))?\/?$/

/** The public cloud, and those of China and of the government of the United States. */
const azureHost =
  /^[0-9a-z][0-9a-z-]{1,22}[0-9a-z]\.(?:vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net|managedhsm\.azure\.net|managedhsm\.azure\.cn|managedhsm\.usgovcloudapi\.net)$/

/** Whether it is one of Azure's own hosts for vaults, which hold no symmetric keys. */
export function isVaultHost(host: string): boolean {
  return azureHost.test(host) && host.includes('.vault.')
}

/** The identifier of the key, as the service writes it. */
export function formatKeyId({ host, name, version }: KeyIdentifier): string {
  return `https://${host}/keys/${name}${version === '' ? '' : `/${version}`}`
}

/**
 * The version that an identifier names of this very key.
 *
 * @returns undefined for a key of another vault or name, and for what is no identifier with a version
 */
export function versionOf(kid: unknown, { host, name }: KeyIdentifier): string | undefined {
  if (typeof kid !== 'string') return undefined
  const [, foundHost, foundName, version] = keyUrl.exec(kid) ?? []
  // The service does not tell names apart by case, and answers with the one that it was created under.
  return foundHost === host && foundName?.toLowerCase() === name.toLowerCase() ? version : undefined
}

/** What stands in an entry's provider info: `kid#alg`. */
export function formatInfo(kid: string, algorithm: string): Uint8Array {
  return new TextEncoder().encode(`${kid}#${algorithm}`)
}

/** The version that an entry's info names of this key and algorithm; undefined for any other. Never throws. */
export function versionInInfo(info: Uint8Array, key: KeyIdentifier, algorithm: string): string | undefined {
  if (info.length > longestInfo) return undefined
  const [kid, named, ...more] = new TextDecoder('utf-8', { ignoreBOM: true }).decode(info).split('#')
  return named === algorithm && more.length === 0 ? versionOf(kid, key) : undefined
}

const longestInfo = 1024
