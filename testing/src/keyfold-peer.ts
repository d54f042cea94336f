import {
  anyOf,
  createEnvelope,
  type Envelope,
  inspect,
  type KeyProvider,
  type Keyring,
  rawAes,
  rawRsa,
} from '@keyfold/core'
import type { CommitmentPolicy, KeyringDescription, Peer } from './peer.ts'

/**
 * Keyfold itself behind the peers' interface, so that the same tests run it against them in both directions. What it
 * refuses, it refuses with its own KeyfoldErrors.
 */
export function keyfoldPeer(): Peer {
  return {
    name: 'Keyfold',
    supports: (feature) => feature !== 'writes-unframed',
    encrypt({ plaintext, suite, frameLength, context, commitmentPolicy, keyring, requiredContextKeys }) {
      const options = { suite: Number.parseInt(suite, 16), frameLength, context }
      return keyfoldEnvelope(keyring, commitmentPolicy).encrypt(plaintext, {
        ...options,
        withheld: requiredContextKeys,
      })
    },
    async decrypt({ ciphertext, commitmentPolicy, keyring, context, requiredContextKeys }) {
      const options = { context, withheld: requiredContextKeys }
      const { plaintext } = await keyfoldEnvelope(keyring, commitmentPolicy).decrypt(ciphertext, options)
      // What the interface calls the context is the header's: the format's own pairs in it, the withheld ones not.
      const header = inspect(ciphertext)
      const publicKey = header.publicKey === undefined ? {} : { 'aws-crypto-public-key': header.publicKey }
      return { plaintext, context: { ...header.context, ...publicKey } }
    },
    async [Symbol.asyncDispose]() {
      // Nothing is held.
    },
  }
}

/** An envelope on the keys of a test, that reads frames of any length. */
export function keyfoldEnvelope(keyring: KeyringDescription, commitmentPolicy: CommitmentPolicy): Envelope {
  const maxFrameLength = Number.POSITIVE_INFINITY // vectors go up to the format's own limit
  return createEnvelope({
    keys: keysOf(keyring),
    commitmentPolicy: policies[commitmentPolicy],
    limits: { maxFrameLength },
  })
}

export const policies = {
  FORBID_ENCRYPT_ALLOW_DECRYPT: 'forbid-encrypt-allow-decrypt',
  REQUIRE_ENCRYPT_ALLOW_DECRYPT: 'require-encrypt-allow-decrypt',
  REQUIRE_ENCRYPT_REQUIRE_DECRYPT: 'require-encrypt-require-decrypt',
} as const

/** The generator is the first: it makes the data key, as the first of an any-of does. */
export function keysOf(keyring: KeyringDescription): KeyProvider | Keyring {
  switch (keyring.type) {
    case 'raw-aes': {
      const { type: _, key, ...names } = keyring
      return rawAes({ ...names, key: new Uint8Array(Buffer.from(key, 'base64')) })
    }
    case 'raw-rsa': {
      const { type: _, ...options } = keyring
      return rawRsa(options)
    }
    case 'aws-kms':
      // An adapter's tests use this package, so that this package cannot use the adapter.
      throw new Error('the interop of AWS KMS is tested in packages/aws')
    case 'multi':
      return anyOf([...(keyring.generator === undefined ? [] : [keyring.generator]), ...keyring.children].map(keysOf))
  }
}
