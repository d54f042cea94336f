/*
 * Our Key Vault and Managed HSM, and keys of theirs as a test uses them: through the real client, without waiting long
 * between its tries.
 */
import { createEnvelope, type EncryptionContext, type KeyContext, type KeyProvider, SecretBytes } from '@keyfold/core'
import { type KeyVaultServer, type Service, startKeyVault } from '@keyfold/testing/azure/key-vault'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type KeyVaultAlgorithm, type KeyVaultOptions, keyVault } from './index.ts'

export interface Fixture {
  server(): KeyVaultServer
  service(algorithm?: KeyVaultAlgorithm): Service
  /** A key that the service has; `orders` and `other` are there in both. */
  key(name: string, options?: KeyVaultOptions): KeyProvider
}

/** For the tests of one file: the server starts before them, and forgets its faults before each. */
export function useKeyVault(): Fixture {
  let started: KeyVaultServer | undefined
  const server = (): KeyVaultServer => {
    if (started === undefined) throw new Error('the server is there in tests alone')
    return started
  }
  const service = (algorithm?: KeyVaultAlgorithm): Service => {
    const { vault, hsm } = server().model
    return algorithm?.startsWith('A256') ? hsm : vault
  }
  beforeAll(async () => {
    started = await startKeyVault()
    for (const name of ['orders', 'other']) {
      started.model.vault.keys.create(name, { kty: 'RSA' })
      started.model.hsm.keys.create(name, { kty: 'oct-HSM', key_size: 256 })
    }
  })
  beforeEach(() => {
    server().model.vault.reset()
    server().model.hsm.reset()
  })
  afterAll(() => started?.[Symbol.asyncDispose]())
  const key = (name: string, options: KeyVaultOptions = {}): KeyProvider => {
    const { baseUrl } = service(options.algorithm)
    return keyVault(`${baseUrl}/keys/${name}`, { ...optionsFor(server()), ...options })
  }
  return { server, service, key }
}

export function optionsFor({ ca, vaultUrl, hsmUrl }: KeyVaultServer): KeyVaultOptions {
  return {
    credential: credential(),
    hosts: [vaultUrl, hsmUrl].map((url) => url.replace('https://', '')),
    clientOptions: { tlsOptions: { ca }, disableChallengeResourceVerification: true },
    retry: { delayMs: 2, maxDelayMs: 50 },
  }
}

/** A credential whose token the server takes, or not. */
export function credential(token = 'test-token'): NonNullable<KeyVaultOptions['credential']> {
  return { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
}

export const unhurried = { signal: new AbortController().signal }

/** A context as core hands it on. */
export async function keyContext(context: EncryptionContext): Promise<KeyContext> {
  let seen: KeyContext | undefined
  const spy: KeyProvider = {
    name: 'spy',
    providerId: 'spy',
    bindsContext: true,
    authenticatesWriter: true,
    accepts: () => false,
    async wrapDataKey(request) {
      seen = { context: request.context, contextBytes: Uint8Array.from(request.contextBytes) }
      return { providerId: 'spy', providerInfo: new Uint8Array(0), ciphertext: new Uint8Array(1) }
    },
  }
  await createEnvelope({ keys: spy }).encrypt(new Uint8Array(0), { context })
  if (seen === undefined) throw new Error('core asks for an entry')
  return seen
}

export function dataKeyOf(length: number): { readonly bytes: Uint8Array; readonly dataKey: SecretBytes } {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return { bytes, dataKey: SecretBytes.from(Uint8Array.from(bytes)) }
}

/** A fixed context, for tests that do not look at it. */
export const plainContext: KeyContext = {
  context: Object.freeze({ a: 'b' }),
  contextBytes: Uint8Array.of(0, 1, 0, 1, 97, 0, 1, 98),
}

export async function failureOf(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}
