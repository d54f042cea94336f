import { open, parse, seal } from './cloud-kms-ciphertext.ts'
import {
  type CryptoKey,
  type CryptoKeyVersion,
  demandKey,
  demandPermission,
  demandVersion,
  type Permission,
  type WritableModel,
} from './cloud-kms-model.ts'
import { crc32cText } from './crc32c.ts'
import type { Message, Operations } from './operations.ts'
import { type ErrorDetail, RpcError } from './rpc-error.ts'

/** Source: EncryptRequest's plaintext and additional_authenticated_data, for software keys */
const maxBytes = 64 * 1024

/** Encrypt and Decrypt. */
export function cloudKmsUse({ keys }: WritableModel): Operations {
  return {
    Encrypt(request) {
      // A version may be named here; Keyfold never does.
      const [keyName = '', number] = String(request['name']).split('/cryptoKeyVersions/')
      const key = demandUsable(demandKey(keys, keyName), 'cloudkms.cryptoKeyVersions.useToEncrypt')
      const plaintext = bytesIn(request, 'plaintext')
      const aad = bytesIn(request, 'additionalAuthenticatedData')
      const verified = { plaintext: verify(request, 'plaintext'), aad: verify(request, 'additionalAuthenticatedData') }
      const version = demandEnabled(number === undefined ? primaryOf(key) : demandVersion(key, Number(number)))
      const ciphertext = seal(version.key, version.keyId, plaintext, aad)
      return {
        name: version.name,
        ciphertext,
        ciphertextCrc32c: { value: crc32cText(ciphertext) },
        ...(verified.plaintext && { verifiedPlaintextCrc32c: true }),
        ...(verified.aad && { verifiedAdditionalAuthenticatedDataCrc32c: true }),
        protectionLevel: 'SOFTWARE',
      }
    },
    Decrypt(request) {
      if (String(request['name']).includes('/cryptoKeyVersions/')) {
        throw new RpcError('INVALID_ARGUMENT', 'The request names a version where a CryptoKey is expected.')
      }
      const key = demandUsable(demandKey(keys, String(request['name'])), 'cloudkms.cryptoKeyVersions.useToDecrypt')
      const ciphertext = bytesIn(request, 'ciphertext')
      const aad = bytesIn(request, 'additionalAuthenticatedData')
      verify(request, 'ciphertext')
      verify(request, 'additionalAuthenticatedData')
      const parsed = parse(ciphertext)
      if (parsed === undefined) throw refusal('Decryption failed: the ciphertext is invalid.')
      const version = key.versions.find(({ keyId }) => keyId === parsed.keyId)
      if (version === undefined) {
        throw refusal("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
      }
      const plaintext = open(demandEnabled(version).key, parsed, aad)
      if (plaintext === undefined) throw refusal('Decryption failed.')
      const usedPrimary = version.number === key.primary
      return {
        plaintext,
        plaintextCrc32c: { value: crc32cText(plaintext) },
        ...(usedPrimary && { usedPrimary }),
        protectionLevel: 'SOFTWARE',
      }
    },
  }
}

function refusal(message: string): RpcError {
  const detail: ErrorDetail = { '@type': 'type.googleapis.com/google.rpc.DebugInfo', detail: 'of the test server' }
  return new RpcError('INVALID_ARGUMENT', message, [detail])
}

function demandUsable(key: CryptoKey, permission: Permission): CryptoKey {
  demandPermission(key, permission)
  if (key.purpose === 'ENCRYPT_DECRYPT') return key
  throw new RpcError('INVALID_ARGUMENT', `The CryptoKey has the purpose ${key.purpose}.`)
}

function primaryOf(key: CryptoKey): CryptoKeyVersion {
  if (key.primary !== undefined) return demandVersion(key, key.primary)
  throw new RpcError('FAILED_PRECONDITION', `${key.name} has no primary version.`)
}

function demandEnabled(version: CryptoKeyVersion): CryptoKeyVersion {
  if (version.state === 'ENABLED') return version
  const text = `${version.name} is not enabled, current state is: ${version.state}.`
  const violation = { type: `KEY_${version.state}`, subject: version.name, description: text }
  throw new RpcError('FAILED_PRECONDITION', text, [
    { '@type': 'type.googleapis.com/google.rpc.PreconditionFailure', violations: [violation] },
  ])
}

function bytesIn(request: Message, field: string): Uint8Array {
  const bytes = request[field] ?? new Uint8Array()
  if (!(bytes instanceof Uint8Array)) throw new RpcError('INVALID_ARGUMENT', `${field} holds no bytes.`)
  if (bytes.length > maxBytes) throw new RpcError('INVALID_ARGUMENT', `${field} is longer than ${maxBytes} bytes.`)
  return bytes
}

/** @returns whether a checksum came, and held */
function verify(request: Message, field: string): boolean {
  const sent = request[`${field}Crc32c`] as { readonly value?: string } | undefined // google.protobuf.Int64Value
  if (sent === undefined) return false
  if ((sent.value ?? '0') === crc32cText(bytesIn(request, field))) return true
  throw new RpcError('INVALID_ARGUMENT', `The checksum in ${field}_crc32c does not match ${field}.`)
}
