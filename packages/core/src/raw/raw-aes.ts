import { engine, wrapping } from '#engine'
import type { KeyHandle } from '../crypto/wrapping.ts'
import { demandOptions, optionNames } from '../demand-options.ts'
import { demandNotAborted } from '../errors.ts'
import { inProcess } from '../keys/in-process.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { ivLength } from '../suite/table.ts'
import { demandBytes } from '../wire/bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { formatRawAesInfo, hasNameInRawAesInfo, ivInRawAesInfo } from './raw-aes-info.ts'
import { demandName } from './raw-name.ts'

/** A wrapping key that this process holds. */
export interface RawAesOptions {
  /** Stands in every entry as its provider id; not `aws-kms` or anything that starts so. */
  readonly namespace: string
  /** Tells the keys of a namespace apart. */
  readonly name: string
  /**
   * 16, 24 or 32 random bytes (copied), a secret `KeyObject`, or a `CryptoKey` for AES-GCM that may encrypt and decrypt. Of one
   * that is not extractable Node 24 warns (DEP0204): a later Node may refuse it.
   */
  readonly key: Uint8Array | KeyHandle
}

/**
 * Wraps data keys with AES-GCM under a key of your own, byte for byte as the raw AES keyrings of the AWS Encryption SDKs.
 * Binds the context. Keep the key where keys are kept: whoever has it opens every message.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 * Source: raw-aes-keyring.md
 *
 * @example
 * ```ts
 * import { createEnvelope, rawAes } from '@keyfold/core'
 *
 * const key = crypto.getRandomValues(new Uint8Array(32))
 * const envelope = createEnvelope({ keys: rawAes({ namespace: 'example', name: 'k1', key }) })
 * const sealed = await envelope.encrypt(new TextEncoder().encode('hello'))
 * const { plaintext } = await envelope.decrypt(sealed)
 * console.log(new TextDecoder().decode(plaintext)) // hello
 * ```
 */
export function rawAes(options: RawAesOptions): KeyProvider {
  demandOptions('rawAes', options, knownOptions)
  const { namespace, name, key } = options
  const nameBytes = demandName('rawAes', namespace, name)
  const wrappingKey = wrapping.importAesKey(key instanceof Uint8Array ? demandBytes(key, 'rawAes: key') : key)
  return inProcess({
    name: `${namespace}/${name}`,
    providerId: namespace,
    bindsContext: true,
    authenticatesWriter: true,

    accepts({ providerId, providerInfo }) {
      return providerId === namespace && hasNameInRawAesInfo(providerInfo, nameBytes)
    },

    async wrapDataKey({ dataKey, contextBytes }, { signal }): Promise<EncryptedDataKey> {
      demandNotAborted(signal)
      const iv = engine.randomBytes(ivLength)
      const sealing = wrappingKey.seal(iv, contextBytes, dataKey.bytes)
      const ciphertext = sealing instanceof Promise ? await sealing : sealing
      return { providerId: namespace, providerInfo: formatRawAesInfo(nameBytes, iv), ciphertext }
    },

    async unwrapDataKey({ entry, contextBytes }, { signal }) {
      demandNotAborted(signal)
      const iv = ivInRawAesInfo(entry.providerInfo)
      const opening = wrappingKey.open(iv, contextBytes, entry.ciphertext)
      return SecretBytes.from(opening instanceof Promise ? await opening : opening)
    },
  })
}

const knownOptions = optionNames<RawAesOptions>({ namespace: true, name: true, key: true })
