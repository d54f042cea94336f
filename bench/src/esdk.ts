import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'
import { context, key, name, namespace } from './fixtures.ts'
import { type Contender, demandSame } from './work.ts'

/* The JavaScript AWS Encryption SDK does the same work in the same format. */

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
