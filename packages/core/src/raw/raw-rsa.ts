import { engine, wrapping } from '#engine'
import type { KeyHandle, RsaPadding } from '../crypto/wrapping.ts'
import { demandOptions, optionNames } from '../demand-options.ts'
import { demandNotAborted, KeyfoldError } from '../errors.ts'
import { inProcess } from '../keys/in-process.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { SecretBytes, wipe } from '../secret-bytes.ts'
import { equalBytes } from '../wire/bytes.ts'
import { demandName } from './raw-name.ts'

/** An RSA key pair, or half of one, that this process holds. */
export interface RawRsaOptions {
  /** Stands in every entry as its provider id; not `aws-kms` or anything that starts so. */
  readonly namespace: string
  /** Tells the keys of a namespace apart. */
  readonly name: string
  readonly padding: RsaPadding
  /** Seals. SubjectPublicKeyInfo in PEM, a public `KeyObject`, or a `CryptoKey` for RSA-OAEP with the padding's hash that may encrypt. */
  readonly publicKey?: string | KeyHandle | undefined
  /** Opens. PKCS#8 in PEM, a private `KeyObject`, or such a `CryptoKey` that may decrypt. Neither key is derived from the other. */
  readonly privateKey?: string | KeyHandle | undefined
}

const paddings: ReadonlySet<string> = new Set(['pkcs1', 'oaep-sha1', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'])

/**
 * Wraps data keys with RSA, byte for byte as the raw RSA keyrings of the AWS Encryption SDKs. With the public key alone it
 * only seals, with the private key alone it only opens.
 *
 * Binds no context, and authenticates no writer: whoever has the public key can write messages that this key opens.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`; `UNSUPPORTED` for a private key under `pkcs1` where Node's OpenSSL is older than 3.2
 * Source: raw-rsa-keyring.md
 *
 * @example
 * ```ts
 * import { generateKeyPairSync } from 'node:crypto'
 * import { createEnvelope, rawRsa } from '@keyfold/core'
 *
 * const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
 * const key = { namespace: 'example', name: 'r1', padding: 'oaep-sha256' } as const
 * const sealed = await createEnvelope({ keys: rawRsa({ ...key, publicKey }) }).encrypt(new Uint8Array(10))
 * const { openedBy } = await createEnvelope({ keys: rawRsa({ ...key, privateKey }) }).decrypt(sealed)
 * console.log(openedBy.authenticatesWriter) // false
 * ```
 */
export function rawRsa(options: RawRsaOptions): KeyProvider {
  demandOptions('rawRsa', options, knownOptions)
  const { namespace, name, padding, publicKey, privateKey } = options
  const providerInfo = demandName('rawRsa', namespace, name)
  if (!paddings.has(padding)) {
    throw new KeyfoldError('INVALID_ARGUMENT', `rawRsa: padding: expected one of ${[...paddings].join(', ')}`)
  }
  if (publicKey === undefined && privateKey === undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', 'rawRsa: expected a publicKey, a privateKey or both')
  }
  return inProcess({
    name: `${namespace}/${name}`,
    providerId: namespace,
    bindsContext: false,
    authenticatesWriter: false,
    accepts: (entry) => entry.providerId === namespace && equalBytes(entry.providerInfo, providerInfo),
    ...(publicKey === undefined ? {} : { wrapDataKey: wrapperWith(namespace, providerInfo, publicKey, padding) }),
    ...(privateKey === undefined ? {} : { unwrapDataKey: unwrapperWith(privateKey, padding) }),
  })
}

const knownOptions = optionNames<RawRsaOptions>({
  namespace: true,
  name: true,
  padding: true,
  publicKey: true,
  privateKey: true,
})

function wrapperWith(
  providerId: string,
  providerInfo: Uint8Array,
  key: string | KeyHandle,
  padding: RsaPadding,
): NonNullable<KeyProvider['wrapDataKey']> {
  const publicKey = wrapping.importRsaPublicKey(key, padding)
  return async ({ dataKey }, { signal }) => {
    demandNotAborted(signal)
    return { providerId, providerInfo, ciphertext: await publicKey.encrypt(dataKey.bytes) }
  }
}

function unwrapperWith(key: string | KeyHandle, padding: RsaPadding): NonNullable<KeyProvider['unwrapDataKey']> {
  const privateKey = wrapping.importRsaPrivateKey(key, padding)
  return async ({ entry, length }, { signal }) => {
    demandNotAborted(signal)
    if (padding !== 'pkcs1') return SecretBytes.from(await privateKey.decrypt(entry.ciphertext))
    // Bleichenbacher's attack lives on telling bad padding from a wrong key. So every refusal, and every key of a wrong
    // length (OpenSSL answers bad padding with random bytes of random length), becomes a random key, which fails where
    // every wrong key fails: at the header.
    const random = engine.randomBytes(length)
    const opened = await decryptOr(random, privateKey.decrypt.bind(privateKey), entry.ciphertext)
    if (opened.length === length) return SecretBytes.from(opened)
    wipe(opened)
    return SecretBytes.from(random)
  }
}

async function decryptOr(
  random: Uint8Array,
  decrypt: (ciphertext: Uint8Array) => Uint8Array | Promise<Uint8Array>,
  ciphertext: Uint8Array,
): Promise<Uint8Array> {
  try {
    return await decrypt(ciphertext)
  } catch {
    return random
  }
}
