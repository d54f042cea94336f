import { createHash } from 'node:crypto'
import {
  abortedBy,
  type CallOptions,
  demandOptions,
  type EncryptedDataKey,
  KeyfoldError,
  type KeyHealth,
  type KeyProvider,
  optionNames,
  SecretBytes,
  type UnwrapRequest,
  untilAborted,
  type WrapRequest,
} from '@keyfold/core'
import { type ClientSource, givenClient, sharedClient } from './client-source.ts'
import { type CloudKmsClient, type CloudKmsTransport, callOnce } from './cloud-kms-client.ts'
import { cloudKmsError, isAnswer, isTimeout, noCredentials, type Operation } from './cloud-kms-errors.ts'
import { keyHealth } from './cloud-kms-health.ts'
import { demandKeyName, formatProviderInfo, isEntryOf, providerId, versionOf } from './cloud-kms-name.ts'
import { checksum, corrupt, demandIntact, demandVerified } from './integrity.ts'
import { type RetryTerms, retrying, usualRetry } from './retry.ts'

/** Options of {@link cloudKms}. */
export interface CloudKmsOptions {
  /** A client of your own, with your credentials, endpoint and channel options. It stays open when the provider is closed. */
  readonly client?: CloudKmsClient | undefined
  /** Of the client that is made and shared where you give none: `grpc` unless said otherwise. */
  readonly transport?: CloudKmsTransport | undefined
}

/** A key of Cloud KMS, as a provider. */
export interface CloudKmsKey extends Required<Omit<KeyProvider, 'generateDataKey'>> {
  /**
   * The primary version's state and number, and whether the service rotates the key.
   *
   * @throws KeyfoldError `UNSUPPORTED` for a key that does not seal data keys; the codes of the README's table
   */
  describe(options: CallOptions): Promise<KeyHealth>
}

/**
 * A symmetric key of Google Cloud KMS. Data keys are drawn here and sealed by `encrypt` with the SHA-256 of the context as
 * additional data, so the service authenticates the context without seeing it. Every checksum that the service offers is sent
 * and checked.
 *
 * The client is loaded at the first call. Throttled, failed and damaged calls are made again, five times at most.
 *
 * @param name `projects/…/locations/…/keyRings/…/cryptoKeys/…`, without a version: the primary one seals, any opens
 * @throws KeyfoldError `INVALID_ARGUMENT` for a name that is none, an unknown option, or a transport beside a client
 * Source: google/cloud/kms/v1/service.proto
 *
 * @example
 * ```ts
 * import { createEnvelope } from '@keyfold/core'
 * import { cloudKms } from '@keyfold/gcp'
 *
 * const keys = cloudKms('projects/shop/locations/europe/keyRings/main/cryptoKeys/orders')
 * const envelope = createEnvelope({ keys, requireContext: ['tenant'] })
 * console.log(keys.providerId, keys.bindsContext) // gcp-kms true
 * await envelope.close()
 * ```
 */
export function cloudKms(name: string, options: CloudKmsOptions = {}): CloudKmsKey {
  return cloudKmsProvider(demandKeyName(name), clientSourceOf(options), usualRetry)
}

function clientSourceOf(options: CloudKmsOptions): ClientSource {
  demandOptions('cloudKms', options, optionNames<CloudKmsOptions>({ client: true, transport: true }))
  const { client, transport } = options
  if (transport !== undefined && transport !== 'grpc' && transport !== 'rest') {
    throw new KeyfoldError('INVALID_ARGUMENT', 'cloudKms: transport: expected grpc or rest')
  }
  if (client === undefined) return sharedClient(transport ?? 'grpc')
  if (transport === undefined) return givenClient(client)
  throw new KeyfoldError('INVALID_ARGUMENT', 'cloudKms: transport: a client of your own has one already')
}

/** The provider with its terms of retrying, for tests. */
export function cloudKmsProvider(name: string, source: ClientSource, terms: RetryTerms = usualRetry): CloudKmsKey {
  const ask = <T>(
    operation: Operation,
    { signal }: CallOptions,
    use: Use<T>,
    discard?: (late: T) => void,
  ): Promise<T> => {
    const attempt = async (): Promise<T> => {
      if (signal.aborted) throw abortedBy(signal)
      try {
        const answer = useClient(name, source, signal, (client) => use(client, signal))
        return await untilAborted(answer, signal, discard)
      } catch (error) {
        throw cloudKmsError(name, operation, error)
      }
    }
    return retrying(terms, signal, attempt)
  }
  return {
    name,
    providerId,
    bindsContext: true,
    authenticatesWriter: true,
    accepts: (entry) => isEntryOf(name, entry),
    wrapDataKey: (request, options) => ask('encrypt', options, (client, signal) => wrap(name, request, client, signal)),
    unwrapDataKey: (request, options) =>
      ask('decrypt', options, (client, signal) => unwrap(name, request, client, signal), release),
    describe: (options) =>
      ask('getCryptoKey', options, async (client, signal) =>
        keyHealth(name, await callOnce(client, 'getCryptoKey', { name }, signal)),
      ),
    close: () => source.close(),
  }
}

type Use<T> = (client: CloudKmsClient, signal: AbortSignal) => Promise<T>

async function useClient<T>(
  name: string,
  source: ClientSource,
  signal: AbortSignal,
  use: (client: CloudKmsClient) => Promise<T>,
): Promise<T> {
  const client = await source.get(signal).catch((error: unknown) => {
    // Not as a cause: it may quote the file with the credentials.
    throw KeyfoldError.is(error) ? error : noCredentials(name)
  })
  const startedAt = performance.now()
  const onTimeout = (): void => {
    if (performance.now() - startedAt >= suspiciousMs) source.abandon(client)
  }
  const onAbort = (): void => {
    if (KeyfoldError.is(signal.reason) && signal.reason.code === 'TIMEOUT') onTimeout()
  }
  signal.addEventListener('abort', onAbort)
  try {
    const answer = await use(client)
    source.confirm(client)
    return answer
  } catch (error) {
    if (isTimeout(error)) onTimeout()
    else if (isAnswer(error)) source.confirm(client)
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A client on which nothing came back for so long, until its time was over, is thought dead; a service that says so at once is not. */
const suspiciousMs = 500

async function wrap(
  name: string,
  { dataKey, contextBytes }: WrapRequest,
  client: CloudKmsClient,
  signal: AbortSignal,
): Promise<EncryptedDataKey> {
  const plaintext = Uint8Array.from(dataKey.bytes)
  const aad = digest(contextBytes)
  try {
    const request = {
      name,
      plaintext,
      plaintextCrc32c: checksum(plaintext),
      additionalAuthenticatedData: aad,
      additionalAuthenticatedDataCrc32c: checksum(aad),
    }
    const answer = await callOnce(client, 'encrypt', request, signal)
    demandVerified('plaintext', answer.verifiedPlaintextCrc32c)
    demandVerified('additional data', answer.verifiedAdditionalAuthenticatedDataCrc32c)
    const ciphertext = demandIntact('ciphertext', answer.ciphertext, answer.ciphertextCrc32c)
    const version = versionOf(name, answer.name ?? '')
    if (version === undefined) throw corrupt('the answer names no version of the key')
    // A copy: the client's bytes are a part of a larger buffer.
    return { providerId, providerInfo: formatProviderInfo(name, version), ciphertext: Uint8Array.from(ciphertext) }
  } finally {
    wipe(plaintext)
  }
}

async function unwrap(
  name: string,
  { entry, contextBytes }: UnwrapRequest,
  client: CloudKmsClient,
  signal: AbortSignal,
): Promise<SecretBytes> {
  const ciphertext = Uint8Array.from(entry.ciphertext)
  const aad = digest(contextBytes)
  const request = {
    name, // as configured, and without a version: the ciphertext says which one
    ciphertext,
    ciphertextCrc32c: checksum(ciphertext),
    additionalAuthenticatedData: aad,
    additionalAuthenticatedDataCrc32c: checksum(aad),
  }
  const { plaintext, plaintextCrc32c } = await callOnce(client, 'decrypt', request, signal)
  try {
    return SecretBytes.from(Uint8Array.from(demandIntact('plaintext', plaintext, plaintextCrc32c)))
  } finally {
    if (plaintext instanceof Uint8Array) wipe(plaintext)
  }
}

/** For a data key that comes after the abort: nobody else will wipe it. */
function release(late: SecretBytes): void {
  late[Symbol.dispose]()
}

/** What the service binds: never the context itself, which may be longer than it takes. */
function digest(contextBytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(contextBytes).digest()
}

/** A Buffer's own `fill` may be another. */
function wipe(bytes: Uint8Array): void {
  Uint8Array.prototype.fill.call(bytes, 0)
}
