import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { context, key, name, namespace, wrappingKey } from './fixtures.ts'
import { type Contender, demandSame } from './work.ts'

/*
 * The JavaScript AWS Encryption SDK does the same work in the same format. jose (a compact JWE, A256GCMKW and A256GCM, the
 * two pairs in its protected header) and age (X25519) are what else a program would reach for: they bind and commit to
 * less, and are here for the order of magnitude.
 */

export const client: ReturnType<typeof buildClient> = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
export const keyring: RawAesKeyringNode = new RawAesKeyringNode({
  keyName: name,
  keyNamespace: namespace,
  unencryptedMasterKey: new Uint8Array(key),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  utf8Sorting: true,
})

function esdkEncryptOnce(
  plaintext: Uint8Array,
  sign: boolean,
  materials: RawAesKeyringNode | NodeCachingMaterialsManager = keyring,
): Promise<{ readonly result: Buffer }> {
  const suiteId = sign
    ? AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
    : AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY
  const options = { encryptionContext: context, suiteId, plaintextLength: plaintext.length }
  return client.encrypt(materials, Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length), options)
}

export function esdkEncrypt(plaintext: Uint8Array, sign = false): Contender {
  return {
    run: () => esdkEncryptOnce(plaintext, sign),
    async check(encrypted) {
      const { result } = encrypted as { result: Buffer } // run's own
      demandSame((await client.decrypt(keyring, result)).plaintext, plaintext)
    },
  }
}

/** One data key for all, as in keyfold.ts. */
export function esdkCachedEncrypt(plaintext: Uint8Array): Contender {
  const caching = new NodeCachingMaterialsManager({
    backingMaterials: keyring,
    cache: getLocalCryptographicMaterialsCache(100),
    maxAge: 3_600_000,
    maxMessagesEncrypted: 2 ** 32,
  })
  return { ...esdkEncrypt(plaintext), run: () => esdkEncryptOnce(plaintext, false, caching) }
}

export async function esdkDecrypt(plaintext: Uint8Array, sign = false): Promise<Contender> {
  const { result } = await esdkEncryptOnce(plaintext, sign)
  return {
    run: () => client.decrypt(keyring, result),
    check: (opened) => demandSame((opened as { plaintext: Uint8Array }).plaintext, plaintext), // run's own
  }
}

function joseEncryptOnce(plaintext: Uint8Array): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM', ...context })
    .encrypt(wrappingKey)
}

export function joseEncrypt(plaintext: Uint8Array): Contender {
  return {
    run: () => joseEncryptOnce(plaintext),
    check: async (jwe) => demandSame((await compactDecrypt(jwe as string, wrappingKey)).plaintext, plaintext), // run's own
  }
}

export async function joseDecrypt(plaintext: Uint8Array): Promise<Contender> {
  const jwe = await joseEncryptOnce(plaintext)
  return {
    run: () => compactDecrypt(jwe, wrappingKey),
    check: (opened) => demandSame((opened as { plaintext: Uint8Array }).plaintext, plaintext), // run's own
  }
}

export async function ageEncrypt(plaintext: Uint8Array): Promise<Contender> {
  const { encrypter, decrypter } = await ageKeys()
  return {
    run: () => encrypter.encrypt(plaintext),
    check: async (made) => demandSame(await decrypter.decrypt(made as Uint8Array), plaintext), // run's own
  }
}

export async function ageDecrypt(plaintext: Uint8Array): Promise<Contender> {
  const { encrypter, decrypter } = await ageKeys()
  const file = await encrypter.encrypt(plaintext)
  return {
    run: () => decrypter.decrypt(file),
    check: (opened) => demandSame(opened, plaintext),
  }
}

/** age makes its own keys. */
async function ageKeys(): Promise<{ readonly encrypter: Encrypter; readonly decrypter: Decrypter }> {
  const identity = await generateX25519Identity()
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(identity))
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return { encrypter, decrypter }
}
