import { createHash } from 'node:crypto'
import type { CryptographyOptions } from '@azure/keyvault-keys'
import {
  abortedBy,
  type CallOptions,
  demandOptions,
  type EncryptedDataKey,
  KeyfoldError,
  type KeyProvider,
  optionNames,
  SecretBytes,
  type UnwrapRequest,
  untilAborted,
  type WrapRequest,
} from '@keyfold/core'
import { formatInfo, isVaultHost, type KeyIdentifier, parseKeyUrl, versionInInfo, versionOf } from './key-identifier.ts'
import { type AlgorithmRow, algorithms, type KeyVaultAlgorithm } from './key-vault-algorithms.ts'
import { Answer } from './key-vault-answer.ts'
import {
  type Connection,
  type ConnectionOptions,
  connectionThrough,
  connectionTo,
  type KeyVaultClients,
} from './key-vault-client.ts'
import { keyVaultError, type Operation } from './key-vault-errors.ts'
import { describeKey } from './key-vault-health.ts'

/** How a key of Azure Key Vault or Managed HSM is used. */
export interface KeyVaultOptions extends ConnectionOptions {
  /**
   * `RSA-OAEP-256` (default) for RSA keys. In a managed HSM, `A256GCM` for AES keys of 256 bits, which binds the context;
   * or `A256KW`, which does not.
   */
  readonly algorithm?: KeyVaultAlgorithm | undefined
  /** Ready-made clients, in place of `credential`, `clientOptions` and `retry`. */
  readonly client?: KeyVaultClients | undefined
  /** Hosts beside Azure's own, each with its port where it has one: private clouds, test servers. */
  readonly hosts?: readonly string[] | undefined
}

/**
 * Wraps data keys with a key of Azure Key Vault or Managed HSM. Needs the rights to wrap and unwrap (with `A256GCM`, to
 * encrypt and decrypt), and none to read the key. Without a credential it takes `DefaultAzureCredential` of `@azure/identity`.
 *
 * Seals with the current version, or with the one that the URL names; opens with whichever version of the key an entry names.
 *
 * @param keyUrl `https://VAULT.vault.azure.net/keys/NAME`, or with `/VERSION` behind it
 * @throws KeyfoldError `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createEnvelope } from '@keyfold/core'
 * import { keyVault } from '@keyfold/azure'
 *
 * const envelope = createEnvelope({ keys: keyVault('https://shop.vault.azure.net/keys/orders') })
 * console.log(typeof envelope.encrypt) // function
 * ```
 */
export function keyVault(keyUrl: string, options: KeyVaultOptions = {}): KeyProvider {
  demandOptions('keyVault', options, knownOptions)
  const { algorithm = 'RSA-OAEP-256', client, hosts = [], ...terms } = options
  const key = parseKeyUrl(keyUrl, hosts)
  const row = demandAlgorithm(algorithm, key.host)
  if (client !== undefined && Object.values(terms).some((term) => term !== undefined)) {
    throw invalid('client stands in place of credential, clientOptions and retry')
  }
  const connection = client === undefined ? connectionTo(key, terms) : connectionThrough(client, key)
  const { keys } = connection
  const it: UsedKey = { name: `${key.host}/keys/${key.name}`, key, algorithm, row, connection }

  return {
    name: it.name,
    providerId,
    bindsContext: row.bindsContext,
    authenticatesWriter: row.authenticatesWriter,
    accepts(entry) {
      return entry.providerId === providerId && versionInInfo(entry.providerInfo, key, algorithm) !== undefined
    },
    wrapDataKey: (request, { signal }) => calling(it, 'wrap', signal, (answer) => wrap(it, request, signal, answer)),
    unwrapDataKey: (request, { signal }) =>
      calling(it, 'unwrap', signal, (answer) => unwrap(it, request, answer.options(signal)), release),
    ...(keys === undefined
      ? {}
      : {
          describe: ({ signal }: CallOptions) =>
            calling(it, 'describe', signal, async () => describeKey(await keys(), it, signal)),
        }),
  }
}

const knownOptions = optionNames<KeyVaultOptions>({
  algorithm: true,
  credential: true,
  clientOptions: true,
  retry: true,
  client: true,
  hosts: true,
})

/** A key and the way to it. */
interface UsedKey {
  readonly name: string
  readonly key: KeyIdentifier
  readonly algorithm: KeyVaultAlgorithm
  readonly row: AlgorithmRow
  readonly connection: Connection
}

/** Runs one call until the signal ends it; every failure of the client comes out as the error of the table. */
async function calling<T>(
  { name }: UsedKey,
  operation: Operation,
  signal: AbortSignal,
  call: (answer: Answer) => Promise<T>,
  discard?: (late: T) => void,
): Promise<T> {
  if (signal.aborted) throw abortedBy(signal)
  const answer = new Answer()
  try {
    return await untilAborted(call(answer), signal, discard)
  } catch (error) {
    throw keyVaultError(error, name, operation, { signal, answer })
  }
}

async function wrap(it: UsedKey, request: WrapRequest, signal: AbortSignal, answer: Answer): Promise<EncryptedDataKey> {
  const { name, key, algorithm } = it
  const ciphertext = await sealed(it, request, signal, answer.options(signal))
  const kid = answer.kid()
  const version = versionOf(kid, key)
  if (kid === undefined || version === undefined || (key.version !== '' && version !== key.version)) {
    throw new KeyfoldError('UNKNOWN', `${name}: wrap: the answer names no version of this key`)
  }
  return { providerId, providerInfo: formatInfo(kid, algorithm), ciphertext }
}

/** The client gets a copy: whoever lent the data key may wipe it at the abort, and the client may still be at work. */
async function sealed(
  { key, row, connection }: UsedKey,
  { dataKey, contextBytes }: WrapRequest,
  signal: AbortSignal,
  options: CryptographyOptions,
): Promise<Uint8Array> {
  const call = { client: await connection.cryptography(key.version), digest: digestOf(contextBytes), options }
  if (signal.aborted) throw abortedBy(signal)
  const copy = Uint8Array.from(dataKey.bytes)
  try {
    // Until the abort at most: the client may never be done, and nobody takes what it seals after that.
    return await untilAborted(row.seal({ ...call, dataKey: copy }), signal)
  } finally {
    copy.fill(0)
  }
}

async function unwrap(it: UsedKey, request: UnwrapRequest, options: CryptographyOptions): Promise<SecretBytes> {
  const { name, key, algorithm, row, connection } = it
  const { providerInfo, ciphertext } = request.entry
  const version = versionInInfo(providerInfo, key, algorithm)
  if (version === undefined) throw invalid('the entry is of another key')
  if (!row.mayHold(ciphertext, request.length)) {
    throw new KeyfoldError('AUTHENTICATION_FAILED', `${name}: unwrap: a ciphertext of ${ciphertext.length} bytes`)
  }
  const call = { client: await connection.cryptography(version), digest: digestOf(request.contextBytes) }
  return owned(await row.open({ ...call, ciphertext, options }))
}

/** What stands in every entry. */
const providerId = 'azure-keyvault'

function demandAlgorithm(algorithm: KeyVaultAlgorithm, host: string): AlgorithmRow {
  if (!Object.hasOwn(algorithms, algorithm)) {
    throw invalid(`algorithm: expected one of ${Object.keys(algorithms).join(', ')}`)
  }
  if (algorithm !== 'RSA-OAEP-256' && isVaultHost(host)) {
    throw invalid(`${algorithm} needs a managed HSM: a vault holds no symmetric keys`)
  }
  return algorithms[algorithm]
}

function digestOf(contextBytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(contextBytes).digest()
}

/** The client's plaintext as core's own, and nothing left of the client's. */
function owned(plaintext: Uint8Array): SecretBytes {
  const dataKey = SecretBytes.from(Uint8Array.from(plaintext))
  Uint8Array.prototype.fill.call(plaintext, 0)
  return dataKey
}

/** For a plaintext that comes after the abort: nobody else will wipe it. */
function release(late: SecretBytes): void {
  late[Symbol.dispose]()
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `keyVault: ${message}`)
}
