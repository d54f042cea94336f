import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { KeyringDescription, RawAesKeyring, RawRsaKeyring, RsaPadding } from './peer.ts'
import { RSA_PADDINGS } from './suites.ts'
import type { TestKeys } from './vectors.ts'

const NAMESPACE = 'keyfold-test'

/** Keyrings of every kind, with fresh keys. */
export function makeTestKeys(): TestKeys {
  const rsa = rsaKeyrings()
  const keyrings: Record<string, KeyringDescription> = {
    'aes-128': aes('aes-128', 16),
    'aes-192': aes('aes-192', 24),
    'aes-256': aes('aes-256', 32),
    // Key names are UTF-8 in the header, and their length counts bytes.
    'aes-named': aes('clé 🔑', 32),
  }
  for (const keyring of rsa) keyrings[`rsa-${keyring.padding}`] = keyring
  keyrings['multi'] = {
    type: 'multi',
    generator: aes('multi-generator', 32),
    children: [...rsa.filter(({ padding }) => padding === 'oaep-sha256'), aes('multi-child', 16)],
  }
  return {
    warning: 'TEST KEYS. They are public, protect nothing, and are never to be used for anything else.',
    keyrings,
  }
}

function aes(name: string, length: number): RawAesKeyring {
  return { type: 'raw-aes', namespace: NAMESPACE, name, key: randomBytes(length).toString('base64') }
}

/** One key pair for all paddings, each under its own name. */
function rsaKeyrings(): readonly RawRsaKeyring[] {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return RSA_PADDINGS.map(
    (padding: RsaPadding): RawRsaKeyring => ({
      type: 'raw-rsa',
      namespace: NAMESPACE,
      name: `rsa-${padding}`,
      padding,
      publicKey,
      privateKey,
    }),
  )
}
