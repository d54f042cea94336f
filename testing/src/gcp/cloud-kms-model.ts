import { randomBytes } from 'node:crypto'
import { RpcError } from './rpc-error.ts'

/** What the server knows, and what tests change behind its back. */
export interface CloudKmsModel {
  /** Makes a symmetric software key, and the key ring that it stands in. @returns its name */
  createKey(name: string, options?: KeyOptions): string
  createKeyRing(name: string): void
  /** Adds a version and makes it primary, as a rotation does. @returns its number */
  rotate(name: string): number
  removeKey(name: string): void
  /** Has a key of another server with the same bytes, as if it were the same service. */
  copyKey(from: CloudKmsModel, name: string): void
  /** Puts a version into a state at once; the real service takes a month to destroy one. */
  setState(name: string, version: number, state: VersionState): void
  /** Takes permissions on one key away; all of them by default. */
  deny(name: string, permissions?: readonly Permission[]): void
  /** Gives all of them back. */
  allow(name: string): void
  /** With tokens given, calls without one of them as a bearer are refused; undefined takes any call. */
  tokens: ReadonlySet<string> | undefined
  /** False as in a project where nobody switched the API on. */
  apiEnabled: boolean
  readonly keyRings: ReadonlyMap<string, KeyRing>
  readonly keys: ReadonlyMap<string, CryptoKey>
}

export interface KeyOptions {
  /** How many versions; the last one is primary. */
  readonly versions?: number
  readonly rotationPeriodSeconds?: number
  readonly labels?: Readonly<Record<string, string>>
  /** A key for another purpose has no primary version and cannot encrypt. */
  readonly purpose?: string
  readonly algorithm?: string
  /** The first version's 32 bytes and what stands for them in a ciphertext, so that a frozen ciphertext opens. */
  readonly material?: { readonly key: Uint8Array; readonly keyId: string }
}

/** The permissions that callers of a key need. */
const permissions = [
  'cloudkms.cryptoKeys.get',
  'cloudkms.cryptoKeyVersions.useToEncrypt',
  'cloudkms.cryptoKeyVersions.useToDecrypt',
] as const

export type Permission = (typeof permissions)[number]

export type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROY_SCHEDULED' | 'DESTROYED'

export interface KeyRing {
  readonly name: string
  readonly createTime: Date
}

export interface CryptoKey {
  readonly name: string
  readonly purpose: string
  readonly algorithm: string
  readonly createTime: Date
  labels: Readonly<Record<string, string>>
  rotationPeriodSeconds: number | undefined
  /** By number; a gap cannot be. */
  readonly versions: CryptoKeyVersion[]
  /** A number; undefined where none is. */
  primary: number | undefined
  readonly denied: Set<Permission>
}

export interface CryptoKeyVersion {
  readonly name: string
  readonly number: number
  state: VersionState
  readonly createTime: Date
  destroyTime: Date | undefined
  /** Told apart in a ciphertext by these four bytes, in hexadecimal. */
  readonly keyId: string
  /** Zeroed when the version is destroyed. */
  readonly key: Buffer
}

/** The model with what the operations do to it. */
export interface WritableModel extends CloudKmsModel {
  readonly keyRings: Map<string, KeyRing>
  readonly keys: Map<string, CryptoKey>
}

export function cloudKmsModel(): WritableModel {
  const keyRings = new Map<string, KeyRing>()
  const keys = new Map<string, CryptoKey>()
  return {
    keyRings,
    keys,
    tokens: undefined,
    apiEnabled: true,
    createKeyRing(name) {
      if (!keyRings.has(name)) keyRings.set(name, { name, createTime: new Date() })
    },
    createKey(name, options) {
      this.createKeyRing(name.slice(0, name.indexOf('/cryptoKeys/')))
      keys.set(name, newKey(name, options))
      return name
    },
    removeKey(name) {
      keys.delete(name)
    },
    copyKey(from, name) {
      const { versions, denied: _, ...rest } = demandKey(from.keys, name)
      keys.set(name, { ...rest, versions: versions.map((version) => ({ ...version })), denied: new Set() })
    },
    rotate(name) {
      const key = demandKey(keys, name)
      key.primary = addVersion(key).number
      return key.primary
    },
    setState(name, version, state) {
      setVersionState(demandVersion(demandKey(keys, name), version), state)
    },
    deny(name, denied = permissions) {
      for (const permission of denied) demandKey(keys, name).denied.add(permission)
    },
    allow(name) {
      demandKey(keys, name).denied.clear()
    },
  }
}

export function newKey(name: string, options: KeyOptions = {}): CryptoKey {
  const { versions = 1, labels = {}, purpose = 'ENCRYPT_DECRYPT', rotationPeriodSeconds, material } = options
  const { algorithm = 'GOOGLE_SYMMETRIC_ENCRYPTION' } = options
  const createTime = new Date()
  const key: CryptoKey = {
    name,
    purpose,
    algorithm,
    createTime,
    labels,
    rotationPeriodSeconds,
    versions: [],
    primary: undefined,
    denied: new Set(),
  }
  for (let count = 0; count < versions; count++) addVersion(key, count === 0 ? material : undefined)
  if (purpose === 'ENCRYPT_DECRYPT' && versions > 0) key.primary = versions
  return key
}

export function addVersion(key: CryptoKey, material?: KeyOptions['material']): CryptoKeyVersion {
  const number = key.versions.length + 1
  const version: CryptoKeyVersion = {
    name: `${key.name}/cryptoKeyVersions/${number}`,
    number,
    state: 'ENABLED',
    createTime: new Date(),
    destroyTime: undefined,
    keyId: material?.keyId ?? randomBytes(4).toString('hex'),
    key: material === undefined ? randomBytes(32) : Buffer.from(material.key),
  }
  key.versions.push(version)
  return version
}

const monthMs = 30 * 24 * 60 * 60 * 1000

export function setVersionState(version: CryptoKeyVersion, state: VersionState): void {
  version.state = state
  version.destroyTime = state === 'DESTROY_SCHEDULED' ? new Date(Date.now() + monthMs) : undefined
  if (state === 'DESTROYED') version.key.fill(0)
}

export function demandKey(keys: ReadonlyMap<string, CryptoKey>, name: string): CryptoKey {
  const key = keys.get(name)
  if (key === undefined) throw new RpcError('NOT_FOUND', `CryptoKey ${name} not found.`)
  return key
}

export function demandVersion(key: CryptoKey, number: number): CryptoKeyVersion {
  const version = key.versions[number - 1]
  if (version !== undefined) return version
  throw new RpcError('NOT_FOUND', `CryptoKeyVersion ${key.name}/cryptoKeyVersions/${number} not found.`)
}

/** The text is as recorded: a key that is missing is denied in the same words where its ring may not be seen. */
export function demandPermission(key: CryptoKey, permission: Permission): void {
  if (!key.denied.has(permission)) return
  const text = `Permission '${permission}' denied on resource '${key.name}' (or it may not exist).`
  throw new RpcError('PERMISSION_DENIED', text)
}
