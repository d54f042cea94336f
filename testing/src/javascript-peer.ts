import { constants } from 'node:crypto'
import { createRequire } from 'node:module'
import type { KeyringNode, WrappingSuiteIdentifier } from '@aws-crypto/client-node'
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  KmsKeyringNode,
  MultiKeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  RawRsaKeyringNode,
} from '@aws-crypto/client-node'
import { KMS } from '@aws-sdk/client-kms'
import type {
  AwsKmsKeyring,
  DecryptRequest,
  DecryptResult,
  EncryptionContext,
  EncryptRequest,
  KeyringDescription,
  Peer,
  RawAesKeyring,
  RawRsaKeyring,
  RsaPadding,
  SuiteId,
} from './peer.ts'
import { PeerError } from './peer.ts'

/**
 * AWS's JavaScript SDK in this process. A peer for interop, not an oracle for refusals: it accepts trailing bytes and
 * reserved context keys, and never compares a context.
 */
export function javascriptPeer(): Peer {
  const { version } = createRequire(import.meta.url)('@aws-crypto/client-node/package.json') as { version: string } // npm requires it
  return {
    name: `@aws-crypto/client-node ${version}`,
    supports: (feature) => feature === 'every-frame-length' || feature === 'frames-over-2-gib',
    encrypt: (request) => refusals(() => encrypt(request)),
    decrypt: (request) => refusals(() => decrypt(request)),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function encrypt(request: EncryptRequest): Promise<Uint8Array> {
  refuseWithheld(request.requiredContextKeys)
  const { result } = await buildClient(CommitmentPolicy[request.commitmentPolicy]).encrypt(
    keyring(request.keyring),
    request.plaintext,
    {
      suiteId: SUITES[request.suite],
      frameLength: request.frameLength,
      encryptionContext: { ...request.context },
      plaintextLength: request.plaintext.length,
    },
  )
  return new Uint8Array(result)
}

async function decrypt(request: DecryptRequest): Promise<DecryptResult> {
  refuseWithheld(request.requiredContextKeys)
  const { plaintext, messageHeader } = await buildClient(CommitmentPolicy[request.commitmentPolicy]).decrypt(
    keyring(request.keyring),
    request.ciphertext,
  )
  const context = messageHeader.encryptionContext
  refuseDifference(request.context ?? {}, context)
  return { plaintext: new Uint8Array(plaintext), context }
}

/** What this SDK leaves to its caller, done here as its documentation asks. */
function refuseDifference(expected: EncryptionContext, stored: EncryptionContext): void {
  for (const [key, value] of Object.entries(expected)) {
    if (!Object.hasOwn(stored, key) || stored[key] !== value) {
      throw new PeerError(`the stored context has no such pair: ${key}`, { type: 'ContextMismatch' })
    }
  }
}

function refuseWithheld(keys: readonly string[] | undefined): void {
  if (keys !== undefined && keys.length > 0)
    throw new PeerError('no required encryption context', { type: 'Unsupported' })
}

function keyring(description: KeyringDescription): KeyringNode {
  switch (description.type) {
    case 'raw-aes':
      return rawAes(description)
    case 'raw-rsa':
      return rawRsa(description)
    case 'aws-kms':
      return awsKms(description)
    case 'multi': {
      const children = description.children.map(keyring)
      if (description.generator === undefined) return new MultiKeyringNode({ children })
      return new MultiKeyringNode({ generator: keyring(description.generator), children })
    }
  }
}

function rawAes({ namespace, name, key }: RawAesKeyring): KeyringNode {
  // A copy: the SDK refuses a key that begins inside a larger buffer, as small Buffers do in Node's pool.
  const unencryptedMasterKey = new Uint8Array(Buffer.from(key, 'base64'))
  const wrappingSuite = WRAPPING_SUITES[unencryptedMasterKey.length]
  if (wrappingSuite === undefined) throw new PeerError(`${unencryptedMasterKey.length} bytes`, { type: 'KeyLength' })
  // utf8Sorting: without it the wrapping AAD is sorted as no other implementation sorts it.
  return new RawAesKeyringNode({
    keyNamespace: namespace,
    keyName: name,
    unencryptedMasterKey,
    wrappingSuite,
    utf8Sorting: true,
  })
}

function rawRsa({ namespace, name, padding, publicKey, privateKey }: RawRsaKeyring): KeyringNode {
  const rsaKey = {
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(privateKey === undefined ? {} : { privateKey }),
  }
  return new RawRsaKeyringNode({ keyNamespace: namespace, keyName: name, rsaKey, ...PADDINGS[padding] })
}

function awsKms({ keyId, region, endpoint }: AwsKmsKeyring): KeyringNode {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  // Its own types were made without exactOptionalPropertyTypes.
  const clientProvider = (() => new KMS({ region, endpoint, credentials })) as ClientProvider
  return new KmsKeyringNode({ generatorKeyId: keyId, clientProvider })
}

type ClientProvider = NonNullable<NonNullable<ConstructorParameters<typeof KmsKeyringNode>[0]>['clientProvider']>

type PaddingOptions = Pick<ConstructorParameters<typeof RawRsaKeyringNode>[0], 'padding' | 'oaepHash'>

const PADDINGS: Readonly<Record<RsaPadding, PaddingOptions>> = {
  pkcs1: { padding: constants.RSA_PKCS1_PADDING },
  'oaep-sha1': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
  'oaep-sha256': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
  'oaep-sha384': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha384' },
  'oaep-sha512': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' },
}

const WRAPPING_SUITES: Readonly<Record<number, WrappingSuiteIdentifier>> = {
  16: RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING,
  24: RawAesWrappingSuiteIdentifier.AES192_GCM_IV12_TAG16_NO_PADDING,
  32: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
}

const SUITES: Readonly<Record<SuiteId, AlgorithmSuiteIdentifier>> = {
  '0014': AlgorithmSuiteIdentifier.ALG_AES128_GCM_IV12_TAG16,
  '0046': AlgorithmSuiteIdentifier.ALG_AES192_GCM_IV12_TAG16,
  '0078': AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16,
  '0114': AlgorithmSuiteIdentifier.ALG_AES128_GCM_IV12_TAG16_HKDF_SHA256,
  '0146': AlgorithmSuiteIdentifier.ALG_AES192_GCM_IV12_TAG16_HKDF_SHA256,
  '0178': AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA256,
  '0214': AlgorithmSuiteIdentifier.ALG_AES128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256,
  '0346': AlgorithmSuiteIdentifier.ALG_AES192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
  '0378': AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
  '0478': AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
  '0578': AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
}

async function refusals<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PeerError) throw error
    throw new PeerError(String(error), { type: error instanceof Error ? error.name : 'Unknown', cause: error })
  }
}
