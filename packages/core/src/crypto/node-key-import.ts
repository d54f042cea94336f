import { createPrivateKey, createPublicKey, createSecretKey, KeyObject, type webcrypto } from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import type { KeyHandle, RsaPadding } from './wrapping.ts'

/* Keys in whatever form they are given, as the KeyObjects that they are used as. */

export function importSecret(key: Uint8Array | KeyHandle): KeyObject {
  if (key instanceof CryptoKey) demandAesUse(key)
  const secret = key instanceof Uint8Array ? createSecretKey(key) : importHandle(key)
  if (secret.type !== 'secret') throw invalid(`an AES key: expected a secret key, got a ${secret.type} one`)
  return secret
}

/** What a CryptoKey is for is a part of it, which an import into a KeyObject drops. */
function demandAesUse({ algorithm, usages }: webcrypto.CryptoKey): void {
  if (algorithm.name !== 'AES-GCM') {
    throw invalid(`an AES key: expected a CryptoKey for AES-GCM, got one for ${algorithm.name}`)
  }
  if (usages.includes('encrypt') && usages.includes('decrypt')) return
  throw invalid(`an AES key: expected a CryptoKey to encrypt and decrypt with, got one for ${usages.join(', ')}`)
}

function demandRsaUse(
  { algorithm, usages }: webcrypto.CryptoKey,
  type: 'public' | 'private',
  padding: RsaPadding,
): void {
  if (padding === 'pkcs1') throw invalid('an RSA key: no CryptoKey is for PKCS#1 v1.5: give PEM or a KeyObject')
  if (algorithm.name !== 'RSA-OAEP') {
    throw invalid(`an RSA key: expected a CryptoKey for RSA-OAEP, got one for ${algorithm.name}`)
  }
  const { name } = (algorithm as webcrypto.RsaHashedKeyAlgorithm).hash // which RSA-OAEP has
  if (padding !== `oaep-${name.replace('-', '').toLowerCase()}`) {
    throw invalid(`an RSA key: a CryptoKey for RSA-OAEP with ${name} does not fit the padding ${padding}`)
  }
  const use = type === 'public' ? 'encrypt' : 'decrypt'
  if (usages.includes(use)) return
  throw invalid(`an RSA key: expected a CryptoKey to ${use} with, got one for ${usages.join(', ') || 'nothing'}`)
}

export function importRsa(type: 'public' | 'private', key: string | KeyHandle, padding: RsaPadding): KeyObject {
  if (key instanceof CryptoKey && key.type === type) demandRsaUse(key, type, padding)
  const imported = typeof key === 'string' ? importPem(type, key) : importHandle(key)
  if (imported.type !== type) throw invalid(`an RSA ${type} key: got a ${imported.type} one, and neither is derived`)
  if (imported.asymmetricKeyType !== 'rsa') throw invalid(`an RSA ${type} key: got ${imported.asymmetricKeyType}`)
  return imported
}

function importPem(type: 'public' | 'private', pem: string): KeyObject {
  // createPublicKey would derive the public key from a private one.
  const isPrivate = pem.includes('PRIVATE KEY')
  if (isPrivate !== (type === 'private')) {
    throw invalid(
      `an RSA ${type} key: the PEM ${isPrivate ? 'holds a private' : 'holds no private'} key, and neither is derived`,
    )
  }
  try {
    return type === 'public' ? createPublicKey(pem) : createPrivateKey(pem)
  } catch {
    throw invalid(`an RSA ${type} key: the PEM cannot be read`)
  }
}

function importHandle(key: KeyHandle): KeyObject {
  if (key instanceof KeyObject) return key
  if (key instanceof CryptoKey) return KeyObject.from(key)
  throw invalid('a key: expected bytes, PEM, a KeyObject or a CryptoKey')
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
