import { type EncryptedDataKey, KeyfoldError } from '@keyfold/core'

/*
 * What an entry holds as provider information, in UTF-8:
 *
 *     projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N
 *
 * The key's name as it is configured, and N as the service answered. `accepts` compares the former and ignores the latter.
 */

/** Stands in every entry of a Cloud KMS key. */
export const providerId = 'gcp-kms'

/**
 * A project's id (with its domain, of old) or number, a location, and names as the service allows them: letters, digits, `_`
 * and `-`. So no name can leave its segment of a request's path, and none has two writings.
 *
 * Source: CreateKeyRingRequest.key_ring_id, CreateCryptoKeyRequest.crypto_key_id
 */
const shape =
  /^projects\/(?:[a-z0-9.-]{1,253}:)?[a-z0-9][a-z0-9-]{0,62}\/locations\/[a-z0-9-]{1,63}\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}$/

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function demandKeyName(name: string): string {
  if (typeof name === 'string' && shape.test(name)) return name
  if (typeof name === 'string' && name.includes('/cryptoKeyVersions')) {
    throw invalid('a key is named without a version: its primary version seals, and any of its versions opens')
  }
  throw invalid('expected projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY')
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `cloudKms: ${message}`)
}

const encoder = new TextEncoder()

/** An entry's provider information. */
export function formatProviderInfo(keyName: string, version: string): Uint8Array {
  return encoder.encode(`${keyName}/cryptoKeyVersions/${version}`)
}

/** Whether some version of the key may have sealed the entry. */
export function isEntryOf(keyName: string, entry: EncryptedDataKey): boolean {
  if (entry.providerId !== providerId) return false
  // Every byte of such a name is ASCII: what decodes to it is it.
  const info = Buffer.from(entry.providerInfo).toString('latin1')
  return info.startsWith(keyName) && /^\/cryptoKeyVersions\/[1-9]\d{0,17}$/.test(info.slice(keyName.length))
}

/**
 * The version in a version's name, where it is one of this key.
 *
 * The project is compared by its form alone: a service may answer with the number of a project that was asked for by its id.
 */
export function versionOf(keyName: string, versionName: string): string | undefined {
  const [key = '', version = '', ...rest] = versionName.split('/cryptoKeyVersions/')
  if (rest.length > 0 || !/^[1-9]\d{0,17}$/.test(version)) return undefined
  return isSameKey(key, keyName) ? version : undefined
}

function isSameKey(one: string, other: string): boolean {
  if (one === other) return true
  const [, oneProject = '', ...oneRest] = one.split('/')
  const [, otherProject = '', ...otherRest] = other.split('/')
  const numbers = [oneProject, otherProject].filter((project) => /^\d+$/.test(project))
  return numbers.length === 1 && shape.test(one) && oneRest.join('/') === otherRest.join('/')
}
