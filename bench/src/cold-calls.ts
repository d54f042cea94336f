import {
  AlgorithmSuiteIdentifier,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  NodeDefaultCryptographicMaterialsManager,
  type NodeMaterialsManager,
} from '@aws-crypto/client-node'
import { createEnvelope, dataKeyCache, type KeyProvider } from '@keyfold/core'
import { client, keyring } from './esdk.ts'
import type { Count } from './figure.ts'
import { context, kibibyte } from './fixtures.ts'
import { keys } from './keyfold.ts'

const messages = 50

/** How often many messages at once call for a data key, where the cache has none yet. */
export const coldCalls: Count = {
  name: `${messages} cold encrypts at once`,
  figures: async () => [
    {
      name: `${messages} encrypts at once, cache on and cold: calls to the key`,
      value: await keyfoldCalls(),
      unit: '',
      target: 1,
      esdk: await esdkCalls(),
    },
  ],
}

async function keyfoldCalls(): Promise<number> {
  let calls = 0
  const counting: KeyProvider = {
    ...keys,
    wrapDataKey(request, options) {
      calls += 1
      return wrapDataKey(request, options)
    },
  }
  const envelope = createEnvelope({ keys: counting, cache: dataKeyCache({ maxAgeMs: 60_000 }) })
  await atOnce(() => envelope.encrypt(kibibyte, { context }))
  return calls
}

const wrapDataKey: NonNullable<KeyProvider['wrapDataKey']> = (request, options) => {
  if (keys.wrapDataKey === undefined) throw new Error('a raw AES key wraps')
  return keys.wrapDataKey(request, options)
}

async function esdkCalls(): Promise<number> {
  let calls = 0
  const manager = new NodeDefaultCryptographicMaterialsManager(keyring)
  const counting: NodeMaterialsManager = {
    getEncryptionMaterials(request) {
      calls += 1
      return manager.getEncryptionMaterials(request)
    },
    decryptMaterials: (request) => manager.decryptMaterials(request),
  }
  const cache = getLocalCryptographicMaterialsCache(100)
  const caching = new NodeCachingMaterialsManager({ backingMaterials: counting, cache, maxAge: 60_000 })
  const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY
  const options = { encryptionContext: context, suiteId, plaintextLength: kibibyte.length }
  await atOnce(() => client.encrypt(caching, Buffer.from(kibibyte), options))
  return calls
}

async function atOnce(encrypt: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: messages }, encrypt))
}
