import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { badParameter } from './service-error.ts'

/** A vault, or a managed HSM: they differ in what keys they hold and in how they answer. */
export type ServiceKind = 'vault' | 'managed-hsm'

/** What one version of a key is made of. */
export interface KeyMaterial {
  /** As answered: `RSA`, `RSA-HSM`, `EC`, `EC-HSM` or `oct-HSM`. */
  readonly kty: string
  readonly publicKey?: KeyObject
  readonly privateKey?: KeyObject
  readonly secret?: Buffer
}

/** The part of a JSON Web Key that is read from a request. */
export interface JsonWebKeyBody {
  readonly kty?: unknown
  readonly key_size?: unknown
  readonly crv?: unknown
  readonly [field: string]: unknown
}

/** RSA keys take long to make: tests that need many bring a source of their own. */
export type RsaSource = (bits: number) => KeyObject

export const freshRsa: RsaSource = (bits) => generateKeyPairSync('rsa', { modulusLength: bits }).privateKey

export function generateMaterial(kind: ServiceKind, body: JsonWebKeyBody, rsa: RsaSource): KeyMaterial {
  const kty = answeredType(kind, body.kty)
  const size = body.key_size
  if (kty === 'oct-HSM') {
    if (kind === 'vault') throw badParameter('Property  has invalid value\r\n') // sic, as recorded
    if (![128, 192, 256, undefined].includes(size as never)) throw badParameter('Property key_size has invalid value')
    return { kty, secret: randomBytes((typeof size === 'number' ? size : 256) / 8) }
  }
  if (kty.startsWith('RSA')) {
    if (![2048, 3072, 4096, undefined].includes(size as never))
      throw badParameter('Property key_size has invalid value')
    return pair(kty, rsa(typeof size === 'number' ? size : 2048))
  }
  const curve = curves[typeof body.crv === 'string' ? body.crv : 'P-256']
  if (curve === undefined) throw badParameter('Property crv has invalid value')
  return pair(kty, generateKeyPairSync('ec', { namedCurve: curve }).privateKey)
}

const curves: Readonly<Record<string, string>> = {
  'P-256': 'P-256',
  'P-256K': 'secp256k1',
  'P-384': 'P-384',
  'P-521': 'P-521',
}

/** The key of an import. */
export function importMaterial(kind: ServiceKind, jwk: JsonWebKeyBody | undefined, hsm: boolean): KeyMaterial {
  if (typeof jwk?.kty !== 'string') {
    throw badParameter(
      kind === 'vault' ? 'The property "key" must be a valid JsonWebKey object.' : 'JSON Web Key: kty is missing',
    )
  }
  const kty = answeredType(hsm ? 'managed-hsm' : kind, jwk.kty)
  if (typeof jwk['k'] === 'string') return { kty, secret: Buffer.from(jwk['k'], 'base64url') }
  const key = { ...jwk, kty: kty.replace('-HSM', '') } as JsonWebKey // a wrong one is refused below
  try {
    return pair(kty, createPrivateKey({ key, format: 'jwk' }))
  } catch {
    throw badParameter('The property "key" must be a valid JsonWebKey object.')
  }
}

/** The public part, as answered. */
export function publicJwk({ publicKey }: KeyMaterial): Readonly<Record<string, unknown>> {
  if (publicKey === undefined) return {}
  const { kty: _, crv, ...numbers } = publicKey.export({ format: 'jwk' })
  return { ...(crv === undefined ? {} : { crv: crv === 'secp256k1' ? 'P-256K' : crv }), ...numbers }
}

/** Everything that a managed HSM holds is of the kind that does not leave it. */
function answeredType(kind: ServiceKind, kty: unknown): string {
  const known = types[String(kty)]
  if (known === undefined) throw badParameter('Property kty has invalid value')
  return kind === 'managed-hsm' && !known.endsWith('-HSM') ? `${known}-HSM` : known
}

const types: Readonly<Record<string, string>> = {
  RSA: 'RSA',
  'RSA-HSM': 'RSA-HSM',
  EC: 'EC',
  'EC-HSM': 'EC-HSM',
  oct: 'oct-HSM',
  'oct-HSM': 'oct-HSM',
  AES: 'oct-HSM',
}

function pair(kty: string, privateKey: KeyObject): KeyMaterial {
  return { kty, privateKey, publicKey: createPublicKey(privateKey) }
}
