import {
  addVersion,
  type CryptoKey,
  type CryptoKeyVersion,
  demandKey,
  demandPermission,
  demandVersion,
  newKey,
  setVersionState,
  type WritableModel,
} from './cloud-kms-model.ts'
import type { Message, Operations } from './operations.ts'
import { RpcError } from './rpc-error.ts'

/** The making, showing and changing of symmetric keys, as far as their callers and the recordings of the service need it. */
export function cloudKmsOperations(model: WritableModel): Operations {
  return { ...keyRingOperations(model), ...keyOperations(model), ...versionOperations(model) }
}

function keyRingOperations({ keyRings }: WritableModel): Operations {
  const show = ({ name, createTime }: { name: string; createTime: Date }) => ({
    name,
    createTime: timestamp(createTime),
  })
  return {
    GetKeyRing({ name }) {
      const ring = keyRings.get(String(name))
      if (ring === undefined) throw new RpcError('NOT_FOUND', `KeyRing ${name} not found.`)
      return show(ring)
    },
    CreateKeyRing({ parent, keyRingId }) {
      const ring = { name: `${parent}/keyRings/${keyRingId}`, createTime: new Date() }
      if (keyRings.has(ring.name)) throw new RpcError('ALREADY_EXISTS', `KeyRing ${ring.name} already exists.`)
      keyRings.set(ring.name, ring)
      return show(ring)
    },
    ListKeyRings({ parent }) {
      const found = [...keyRings.values()].filter(({ name }) => name.startsWith(`${parent}/keyRings/`))
      return { keyRings: found.map(show), totalSize: found.length }
    },
  }
}

function keyOperations({ keys, keyRings }: WritableModel): Operations {
  return {
    GetCryptoKey({ name }) {
      const key = demandKey(keys, String(name))
      demandPermission(key, 'cloudkms.cryptoKeys.get')
      return showKey(key)
    },
    ListCryptoKeys({ parent }) {
      const found = [...keys.values()].filter(({ name }) => name.startsWith(`${parent}/cryptoKeys/`))
      return { cryptoKeys: found.map(showKey), totalSize: found.length }
    },
    CreateCryptoKey({ parent, cryptoKeyId, cryptoKey, skipInitialVersionCreation }) {
      const name = `${parent}/cryptoKeys/${cryptoKeyId}`
      if (!keyRings.has(String(parent))) throw new RpcError('NOT_FOUND', `KeyRing ${parent} not found.`)
      if (keys.has(name)) throw new RpcError('ALREADY_EXISTS', `CryptoKey ${name} already exists.`)
      const { purpose, labels, versionTemplate } = (cryptoKey ?? {}) as KeyFields // as the proto declares it
      const versions = skipInitialVersionCreation === true ? 0 : 1
      const { algorithm } = versionTemplate ?? {}
      keys.set(name, newKey(name, { versions, ...defined({ purpose, labels, algorithm }) }))
      return showKey(demandKey(keys, name))
    },
    UpdateCryptoKey({ cryptoKey, updateMask }) {
      const { name = '', labels, rotationPeriod } = (cryptoKey ?? {}) as KeyFields // as the proto declares it
      const key = demandKey(keys, name)
      const { paths = [] } = (updateMask ?? {}) as { readonly paths?: readonly string[] } // google.protobuf.FieldMask
      if (paths.includes('labels')) key.labels = labels ?? {}
      if (paths.includes('rotation_period')) {
        key.rotationPeriodSeconds = rotationPeriod === undefined ? undefined : Number(rotationPeriod.seconds)
      }
      return showKey(key)
    },
    UpdateCryptoKeyPrimaryVersion({ name, cryptoKeyVersionId }) {
      const key = demandKey(keys, String(name))
      key.primary = demandVersion(key, Number(cryptoKeyVersionId)).number
      return showKey(key)
    },
  }
}

interface KeyFields {
  readonly name?: string
  readonly purpose?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly rotationPeriod?: { readonly seconds: string }
  readonly versionTemplate?: { readonly algorithm?: string }
}

function versionOperations({ keys }: WritableModel): Operations {
  const find = (name: unknown): { readonly key: CryptoKey; readonly version: CryptoKeyVersion } => {
    const [keyName = '', number] = String(name).split('/cryptoKeyVersions/')
    const key = demandKey(keys, keyName)
    return { key, version: demandVersion(key, Number(number)) }
  }
  const changed = (name: unknown, change: (version: CryptoKeyVersion) => void): Message => {
    const { key, version } = find(name)
    change(version)
    return showVersion(key, version)
  }
  return {
    GetCryptoKeyVersion: ({ name }) => changed(name, () => undefined),
    ListCryptoKeyVersions({ parent }) {
      const key = demandKey(keys, String(parent))
      return { cryptoKeyVersions: key.versions.map((one) => showVersion(key, one)), totalSize: key.versions.length }
    },
    CreateCryptoKeyVersion({ parent }) {
      const key = demandKey(keys, String(parent))
      return showVersion(key, addVersion(key))
    },
    UpdateCryptoKeyVersion({ cryptoKeyVersion }) {
      const { name, state } = (cryptoKeyVersion ?? {}) as { name?: string; state?: string } // as the proto declares it
      if (state !== 'ENABLED' && state !== 'DISABLED') {
        throw new RpcError('INVALID_ARGUMENT', 'A version may be enabled and disabled here.')
      }
      return changed(name, (version) => setVersionState(version, state))
    },
    DestroyCryptoKeyVersion: ({ name }) => changed(name, (version) => setVersionState(version, 'DESTROY_SCHEDULED')),
    RestoreCryptoKeyVersion: ({ name }) => changed(name, (version) => setVersionState(version, 'DISABLED')),
  }
}

function showKey(key: CryptoKey): Message {
  const primary = key.primary === undefined ? undefined : demandVersion(key, key.primary)
  const { rotationPeriodSeconds: period } = key
  return {
    name: key.name,
    ...defined({ primary: primary && showVersion(key, primary) }),
    purpose: key.purpose,
    createTime: timestamp(key.createTime),
    ...(period !== undefined && {
      rotationPeriod: { seconds: String(period) },
      nextRotationTime: timestamp(new Date(key.createTime.getTime() + period * 1000)),
    }),
    ...(Object.keys(key.labels).length > 0 && { labels: key.labels }),
    versionTemplate: { protectionLevel: 'SOFTWARE', algorithm: key.algorithm },
    destroyScheduledDuration: { seconds: '2592000' },
  }
}

function showVersion(key: CryptoKey, { name, state, createTime, destroyTime }: CryptoKeyVersion): Message {
  return {
    name,
    state,
    createTime: timestamp(createTime),
    ...defined({ destroyTime: destroyTime && timestamp(destroyTime) }),
    protectionLevel: 'SOFTWARE',
    algorithm: key.algorithm,
    generateTime: timestamp(createTime),
  }
}

function timestamp(date: Date): Message {
  return { seconds: String(Math.floor(date.getTime() / 1000)), nanos: (date.getTime() % 1000) * 1_000_000 }
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> } // without those that were undefined
}
