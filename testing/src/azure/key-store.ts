import { randomBytes } from 'node:crypto'
import {
  freshRsa,
  generateMaterial,
  importMaterial,
  type JsonWebKeyBody,
  type KeyMaterial,
  type RsaSource,
  type ServiceKind,
} from './key-material.ts'
import { conflict, deletedKeyNotFound, keyNotFound } from './service-error.ts'

/** One version of a key. A test may change any of it. */
export interface KeyVersion {
  readonly version: string
  readonly material: KeyMaterial
  keyOps: readonly string[]
  enabled: boolean
  /** Seconds since 1970; likewise `exp`. */
  nbf?: number | undefined
  exp?: number | undefined
  created: number
  updated: number
  tags?: Readonly<Record<string, string>> | undefined
}

export interface RotationPolicy {
  readonly lifetimeActions: readonly LifetimeAction[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly created: number
}

export interface LifetimeAction {
  readonly trigger: Readonly<Record<string, string>>
  readonly action: { readonly type: string }
}

export interface StoredKey {
  readonly name: string
  /** The last one is the current one. */
  readonly versions: KeyVersion[]
  policy?: RotationPolicy | undefined
  /** Set while it is deleted. */
  deletedAt?: number | undefined
  /** Reads that must pass until a deletion or recovery is done. */
  transition: number
}

/** How a key comes to be, beside its material. */
export interface KeyTerms {
  readonly keyOps?: readonly string[] | undefined
  readonly attributes?:
    | { readonly enabled?: boolean; readonly nbf?: number | undefined; readonly exp?: number | undefined }
    | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** 32 hexadecimal digits, where a test needs a version that it knows. */
  readonly version?: string | undefined
}

export interface KeyStoreOptions {
  readonly kind: ServiceKind
  readonly rsa?: RsaSource
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** The keys of one service: what it holds, and nothing of how it is asked. */
export class KeyStore {
  readonly kind: ServiceKind
  readonly #keys = new Map<string, StoredKey>()
  readonly #rsa: RsaSource
  readonly #now: () => number
  /** How many reads a deletion and a recovery take: in a vault they go on after their answer, in a managed HSM not. */
  transitionReads: number

  constructor({ kind, rsa = freshRsa, now = Date.now }: KeyStoreOptions) {
    this.kind = kind
    this.#rsa = rsa
    this.#now = now
    this.transitionReads = kind === 'vault' ? 1 : 0
  }

  /** The time, in the service's whole seconds. */
  seconds(): number {
    return Math.floor(this.#now() / 1000)
  }

  /** Makes a key, or a new version of it. */
  create(name: string, body: JsonWebKeyBody, terms: KeyTerms = {}): KeyVersion {
    this.#demandFree(name)
    return this.#add(name, generateMaterial(this.kind, body, this.#rsa), terms)
  }

  import(name: string, jwk: JsonWebKeyBody | undefined, terms: KeyTerms & { readonly hsm?: boolean } = {}): KeyVersion {
    const material = importMaterial(this.kind, jwk, terms.hsm === true)
    this.#demandFree(name)
    return this.#add(name, material, terms)
  }

  /** A version like the current one, with new material. */
  rotate(name: string): KeyVersion {
    const { keyOps, tags, material } = this.version(name)
    const size = material.publicKey?.asymmetricKeyDetails?.modulusLength ?? (material.secret?.length ?? 32) * 8
    const body = { kty: material.kty, key_size: size }
    const exp = this.#expiryOf(this.key(name).policy)
    return this.#add(name, generateMaterial(this.kind, body, this.#rsa), { keyOps, tags, attributes: { exp } })
  }

  /** @throws Refusal for a key that is missing, or deleted */
  key(name: string, asked: string = name): StoredKey {
    const key = this.#keys.get(name.toLowerCase())
    if (key === undefined || key.deletedAt !== undefined) throw keyNotFound(asked)
    if (key.transition > 0) {
      key.transition -= 1
      throw keyNotFound(asked)
    }
    return key
  }

  /** The version of a key; the current one where none is named. */
  version(name: string, version = ''): KeyVersion {
    const asked = version === '' ? name : `${name}/${version}`
    const { versions } = this.key(name, asked)
    const found = version === '' ? versions.at(-1) : versions.find((one) => one.version === version)
    if (found === undefined) throw keyNotFound(asked)
    return found
  }

  delete(name: string): StoredKey {
    const key = this.key(name)
    key.deletedAt = this.seconds()
    key.transition = this.transitionReads
    return key
  }

  /** A deleted key, once its deletion is done. */
  deleted(name: string): StoredKey {
    const key = this.#keys.get(name.toLowerCase())
    if (key?.deletedAt === undefined) throw deletedKeyNotFound(name)
    if (key.transition > 0) {
      key.transition -= 1
      throw deletedKeyNotFound(name)
    }
    return key
  }

  recover(name: string): StoredKey {
    const key = this.#keys.get(name.toLowerCase())
    if (key?.deletedAt === undefined) throw keyNotFound(name)
    key.deletedAt = undefined
    key.transition = this.transitionReads
    return key
  }

  purge(name: string): void {
    const key = this.#keys.get(name.toLowerCase())
    if (key?.deletedAt === undefined) throw deletedKeyNotFound(name)
    if (key.transition > 0) throw conflict('Key is currently being deleted.', 'ObjectIsBeingDeleted')
    this.#keys.delete(name.toLowerCase())
  }

  /** A version that a rotation makes expires as its policy says; in days, as our tests write it. */
  #expiryOf(policy: RotationPolicy | undefined): number | undefined {
    const days = /^P(\d+)D$/.exec(String(policy?.attributes['expiryTime']))?.[1]
    return days === undefined ? undefined : this.seconds() + Number(days) * 86_400
  }

  #demandFree(name: string): void {
    const key = this.#keys.get(name.toLowerCase())
    if (key?.deletedAt === undefined) return
    if (key.transition > 0) {
      throw conflict(
        `Key ${name} is currently being deleted and cannot be re-created; retry later.`,
        'ObjectIsBeingDeleted',
      )
    }
    const text = `Key ${name} is currently in a deleted but recoverable state, and its name cannot be reused`
    throw conflict(text, 'ObjectIsDeletedButRecoverable')
  }

  #add(name: string, material: KeyMaterial, { keyOps, attributes, tags, version }: KeyTerms): KeyVersion {
    const created = this.seconds()
    const added: KeyVersion = {
      version: version ?? randomBytes(16).toString('hex'),
      material,
      keyOps: keyOps ?? defaultOperations(material.kty),
      enabled: attributes?.enabled ?? true,
      nbf: attributes?.nbf,
      exp: attributes?.exp,
      created,
      updated: created,
      tags,
    }
    const key = this.#keys.get(name.toLowerCase())
    if (key === undefined) this.#keys.set(name.toLowerCase(), { name, versions: [added], transition: 0 })
    else key.versions.push(added)
    return added
  }
}

function defaultOperations(kty: string): readonly string[] {
  if (kty.startsWith('EC')) return ['sign', 'verify']
  const common = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey']
  return kty.startsWith('oct') ? [...common, 'deriveKey'] : common
}
