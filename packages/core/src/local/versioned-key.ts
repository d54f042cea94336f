import { demandNotAborted, KeyfoldError } from '../errors.ts'
import type { CallOptions, KeyHealth, KeyProvider } from '../keys/key-provider.ts'
import { nameInRawAesInfo } from '../raw/raw-aes-info.ts'
import { standsAt } from '../wire/bytes.ts'
import { localProviderId, maxVersion } from './key-name.ts'

/** One named key with all its versions, each a raw AES key of its own. */
export interface VersionedKey {
  readonly name: string
  /** The version that seals. */
  readonly newest: number
  /** When that was made. ISO 8601, UTC. */
  readonly createdAt: string
  /** How many versions open. */
  readonly versions: number
  /** A version as a provider of its own; undefined for one that is not there. */
  version(version: number): Promise<KeyProvider> | undefined
}

/** What is known of a versioned key. */
export interface VersionedKeyHealth extends KeyHealth {
  readonly version: string
  /** When the version that seals was made. ISO 8601, UTC. */
  readonly createdAt: string
  /** How many versions open. */
  readonly versions: number
}

/** A versioned key, as a provider. */
export interface VersionedKeyProvider extends KeyProvider {
  /** Opens the key as sealing does, so that a wrong passphrase is found. */
  describe(options: CallOptions): Promise<VersionedKeyHealth>
}

/**
 * A versioned key as one provider: the newest version seals, all open.
 *
 * @param reload reads the key again, for an entry of a version that is not there; gives nothing where nothing has changed
 */
export function versionedProvider(
  key: VersionedKey,
  reload?: () => Promise<VersionedKey | undefined>,
): VersionedKeyProvider {
  const nameBytes = new TextEncoder().encode(`${key.name}/`)
  let current = key
  let reloading: Promise<VersionedKey | undefined> | undefined

  const reloaded = (): Promise<VersionedKey | undefined> | undefined => {
    // Messages that arrive together read the file once.
    reloading ??= reload?.().finally(() => {
      reloading = undefined
    })
    return reloading
  }
  const find = async (version: number): Promise<KeyProvider> => {
    const known = current.version(version)
    if (known !== undefined) return known
    current = (await reloaded()) ?? current
    const found = current.version(version)
    if (found !== undefined) return found
    throw new KeyfoldError('KEY_NOT_FOUND', `${localProviderId}/${key.name}: there is no version ${version} of the key`)
  }

  return {
    name: `${localProviderId}/${key.name}`,
    providerId: localProviderId,
    bindsContext: true,
    authenticatesWriter: true,

    accepts: ({ providerId, providerInfo }) =>
      providerId === localProviderId && parseVersion(nameBytes, providerInfo) !== undefined,

    async wrapDataKey(request, options) {
      demandNotAborted(options.signal)
      const newest = await find(current.newest)
      return call(newest, 'wrapDataKey')(request, options)
    },

    async unwrapDataKey(request, options) {
      demandNotAborted(options.signal)
      const version = parseVersion(nameBytes, request.entry.providerInfo)
      if (version === undefined) {
        throw new KeyfoldError('KEY_NOT_FOUND', `${localProviderId}/${key.name}: the entry belongs to another key`)
      }
      const provider = await find(version)
      return call(provider, 'unwrapDataKey')(request, options)
    },

    async describe({ signal }) {
      demandNotAborted(signal)
      await find(current.newest)
      const { newest, createdAt, versions } = current
      return { state: 'enabled', version: String(newest), createdAt, versions }
    },
  }
}

function call<Name extends 'wrapDataKey' | 'unwrapDataKey'>(
  provider: KeyProvider,
  name: Name,
): NonNullable<KeyProvider[Name]> {
  const method = provider[name]
  if (method !== undefined) return method
  throw new KeyfoldError('UNSUPPORTED', `${provider.name}: it has no ${name}`)
}

/**
 * An entry's version: its raw AES key name is NAME/N.
 *
 * @param nameBytes with the slash
 * @returns undefined for an entry of another shape or name
 */
function parseVersion(nameBytes: Uint8Array, info: Uint8Array): number | undefined {
  const entryName = nameInRawAesInfo(info)
  if (entryName === undefined || entryName.length > nameBytes.length + longestVersion) return undefined
  if (!standsAt(entryName, 0, nameBytes)) return undefined
  const digits = String.fromCharCode(...entryName.subarray(nameBytes.length))
  return /^[1-9][0-9]*$/.test(digits) && Number(digits) <= maxVersion ? Number(digits) : undefined
}

const longestVersion = String(maxVersion).length
