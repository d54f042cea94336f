import type { Agent } from 'node:https'
import type { TokenCredential } from '@azure/core-auth'
import type { PipelinePolicy } from '@azure/core-rest-pipeline'
import type { CryptographyClient, CryptographyClientOptions, KeyClient, KeyVaultKey } from '@azure/keyvault-keys'
import { KeyfoldError } from '@keyfold/core'
import { formatKeyId, type KeyIdentifier } from './key-identifier.ts'
import { tryTimedOut } from './key-vault-errors.ts'
import { demandRetryOptions, type RetryOptions, retryPolicyFor, tryPolicyFor } from './key-vault-retries.ts'

/** Clients that you made yourself, with whatever pipeline you need. Their retries and time limits are theirs. */
export interface KeyVaultClients {
  /**
   * A client for the key object that is given, such as `(key) => new CryptographyClient(key, credential)`. Made of its URL
   * instead, the client would read the key first, need the right to, and refuse to open with an expired version.
   */
  cryptography(key: KeyVaultKey): CryptographyClient
  /** Without it, the key has no `describe`. */
  readonly keys?: KeyClient
}

/** How the clients are made. */
export interface ConnectionOptions {
  readonly credential?: TokenCredential | undefined
  readonly clientOptions?: Omit<CryptographyClientOptions, 'retryOptions'> | undefined
  readonly retry?: RetryOptions | undefined
}

/** The way to one key: clients that are loaded and made when they are first needed. */
export interface Connection {
  /** The client for one version, empty for whichever is current. */
  cryptography(version: string): Promise<CryptographyClient>
  keys?(): Promise<KeyClient>
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function connectionTo(key: KeyIdentifier, terms: ConnectionOptions): Connection {
  if (terms.retry !== undefined) demandRetryOptions(terms.retry)
  const shared = once(async () => {
    const { CryptographyClient, KeyClient } = await import('@azure/keyvault-keys')
    const credential = terms.credential ?? (await defaultCredential())
    return { CryptographyClient, KeyClient, credential, agent: await agentPolicy() }
  })
  return {
    cryptography: cached(async (version) => {
      const { CryptographyClient, credential, agent } = await shared()
      return new CryptographyClient(keyObject(key, version), credential, await pipelineOptions(terms, agent))
    }),
    keys: once(async () => {
      const { KeyClient, credential, agent } = await shared()
      return new KeyClient(`https://${key.host}`, credential, await pipelineOptions(terms, agent))
    }),
  }
}

/** The way to a key through clients that somebody else made. */
export function connectionThrough(clients: KeyVaultClients, key: KeyIdentifier): Connection {
  const { keys } = clients
  const cryptography = cached(async (version) => clients.cryptography(keyObject(key, version)))
  return keys === undefined ? { cryptography } : { cryptography, keys: async () => keys }
}

/** All that the client needs to know. It takes this for a key that it has read already: no request, and no check of its own. */
function keyObject(key: KeyIdentifier, version: string): KeyVaultKey {
  const { host, name } = key
  return { id: formatKeyId({ ...key, version }), name, properties: { vaultUrl: `https://${host}`, name, version } }
}

/** An object of its own for each client, since the client writes into it. */
async function pipelineOptions(
  { clientOptions = {}, retry = {} }: ConnectionOptions,
  agent: PipelinePolicy,
): Promise<CryptographyClientOptions> {
  const [policy, oneTry] = await Promise.all([retryPolicyFor(retry), tryPolicyFor(retry)])
  return {
    ...clientOptions,
    retryOptions: { maxRetries: 0 }, // the policy below does it: one of them must not repeat what the other repeats
    redirectOptions: { maxRetries: 0 }, // the service has none; a data key goes nowhere else
    additionalPolicies: [
      ...(clientOptions.additionalPolicies ?? []),
      { policy, position: 'perCall' },
      { policy: agent, position: 'perRetry' }, // behind whatever chooses another agent, or how TLS is spoken
      { policy: oneTry, position: 'perRetry' }, // behind the agent, which hears of a try that ran out of time
    ],
  }
}

/**
 * One agent for all of a key's clients, which keeps the token out of what Node prints of its connections. Where a try runs out
 * of time, its idle connections go too: what broke one without a word broke the others to the same host.
 */
async function agentPolicy(): Promise<PipelinePolicy> {
  const [{ Agent }, { discreetAgent }] = await Promise.all([import('node:https'), import('@keyfold/core/node')])
  let agent: Agent | undefined
  return {
    name: 'keyfoldAgent',
    async sendRequest(request, next) {
      agent ??= discreetAgent(new Agent({ keepAlive: true, ...request.tlsSettings }))
      request.agent ??= agent
      try {
        return await next(request)
      } catch (error) {
        const reason: unknown = Object(request.abortSignal).reason
        const isOver = KeyfoldError.is(reason) && reason.code === 'TIMEOUT' // the call's time, which may be less than a try's
        if (isOver || Object(error).code === tryTimedOut) closeIdle(agent)
        throw error
      }
    },
  }
}

function closeIdle({ freeSockets }: Agent): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

async function defaultCredential(): Promise<TokenCredential> {
  try {
    const { DefaultAzureCredential } = await import('@azure/identity')
    return new DefaultAzureCredential()
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause
    const message = 'keyVault: no credential was given, and @azure/identity, which finds one, is not installed'
    throw new KeyfoldError('UNSUPPORTED', message)
  }
}

/** Versions come out of messages: somebody's message with many of them must not fill the memory. */
const mostClients = 16

function cached(make: (version: string) => Promise<CryptographyClient>): Connection['cryptography'] {
  const clients = new Map<string, Promise<CryptographyClient>>()
  return (version) => {
    const known = clients.get(version)
    if (known !== undefined) return known
    const made = make(version)
    made.catch(() => clients.delete(version))
    const [oldest] = clients.size < mostClients ? [] : clients.keys()
    if (oldest !== undefined) clients.delete(oldest)
    clients.set(version, made)
    return made
  }
}

/** Makes it on first use; a failure is not remembered. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}
