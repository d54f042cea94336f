import { AlgorithmSuiteIdentifier } from '@aws-crypto/client-node'
import { chunksOf, throughDuplexes } from './chunks.ts'
import { client, keyring } from './esdk.ts'
import { context } from './fixtures.ts'
import type { StreamKind } from './streams.ts'

const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY

export const esdkStreams: StreamKind = {
  seal: (frameLength) => (input, chunkLength, sink) => {
    // Without plaintextLength: the ESDK counts a chunk of several frames more than once against it.
    const options = { encryptionContext: context, suiteId, ...(frameLength && { frameLength }) }
    return throughDuplexes(chunksOf(input, chunkLength), [client.encryptStream(keyring, options)], sink)
  },
  open: (input, chunkLength, sink) =>
    throughDuplexes(chunksOf(input, chunkLength), [client.decryptStream(keyring)], sink),
}
