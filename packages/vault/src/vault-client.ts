import { readFile } from 'node:fs/promises'
import { abortedBy, type CallOptions, type Clock, isPlainHttp, KeyfoldError, untilAborted } from '@keyfold/core'
import { environmentToken, type VaultAuth } from './auth.ts'
import { demandPath } from './names.ts'
import { remembered } from './remembered.ts'
import { limited, parseRetryAfter, retrying, usualTryMs } from './retry.ts'
import { failureOf } from './vault-errors.ts'
import type { Transport, TransportRequest } from './vault-transport.ts'

/** What is used of a client of `node-vault`: one method. */
export interface NodeVaultClient {
  request(options: { path: string; method: string; [option: string]: unknown }): Promise<unknown>
}

/** How a server is reached. What is not given is taken from the environment that Vault's own tools read. */
export interface ConnectionOptions {
  /** Such as `https://vault.example:8200`. Default `VAULT_ADDR`; one of them is needed. */
  readonly address?: string | undefined
  /** Default: `VAULT_TOKEN`, else `~/.vault-token`. */
  readonly auth?: VaultAuth | undefined
  /** Sent with every request, and part of what entries are recognised by. Default `VAULT_NAMESPACE`. */
  readonly namespace?: string | undefined
  /** The authorities that may vouch for the server, in PEM, in place of the system's. Default: the file `VAULT_CACERT`. */
  readonly ca?: string | undefined
  /**
   * A client of your own, which then has address, authorities and, without `auth`, its token. Its transport follows its own
   * rules: what is said here of redirects, `Retry-After` and wiping holds for ours.
   */
  readonly client?: NodeVaultClient | undefined
  /** How long a try may take until another is made, in milliseconds; 4000. A client of your own has its own way. */
  readonly tryTimeoutMs?: number | undefined
  /** By which tries end and retries wait. */
  readonly clock?: Clock | undefined
}

/** For refusing any other. */
export const connectionOptionNames: Readonly<Record<keyof ConnectionOptions, true>> = {
  address: true,
  auth: true,
  namespace: true,
  ca: true,
  client: true,
  tryTimeoutMs: true,
  clock: true,
}

/** One request, and what is made of its answer. */
export interface VaultRequest<Answer> {
  /** Begins every error's text. */
  readonly what: string
  readonly method: 'GET' | 'POST'
  /** Encoded, with a slash before it, below `/v1`. */
  readonly path: string
  readonly body?: object
  /** Reads the answer's body. What it refuses as `TRANSPORT_CORRUPTION` is asked for again. */
  parse(body: unknown): Answer
}

/** A server, reached on first use. */
export interface VaultConnection {
  readonly namespace: string | undefined
  /** Whether tokens and data keys go over the network in clear; false for a client that does not tell its address. */
  readonly isPlainHttp: boolean
  /** Tries again what may then succeed. */
  send<Answer>(request: VaultRequest<Answer>, options: CallOptions): Promise<Answer>
  /** Ends connections that are idle; a client that was handed in stays as it is. */
  close(): Promise<void>
}

/** No call is made. @throws KeyfoldError `INVALID_ARGUMENT` */
export function connectVault(options: ConnectionOptions): VaultConnection {
  const { client: given, auth, clock = machineClock } = options
  const tryMs = demandTryTimeout(options)
  const namespace = namespaceOf(options)
  const address = given === undefined ? demandAddress(options.address ?? process.env['VAULT_ADDR']) : addressOf(given)
  const own = given === undefined ? ownClient(address, options.ca) : undefined
  const client = own === undefined ? async () => given : own.client
  const credentials = auth ?? (given === undefined ? environmentToken() : undefined)

  async function attempt<Answer>(asked: VaultRequest<Answer>, call: CallOptions): Promise<Answer> {
    const { what, method, path, body } = asked
    let retryAfterMs: number | undefined
    const onHeaders: TransportRequest['onHeaders'] = (seen) => {
      retryAfterMs = parseRetryAfter(seen['retry-after'], clock)
    }
    try {
      const headers = await headersOf(credentials, namespace, call)
      const ready = await client(call)
      // node-vault writes into the headers: an object for each request.
      const request = { method, path, headers, ...(body && { json: body }), onHeaders }
      const ask = async (signal: AbortSignal): Promise<unknown> => ready?.request({ ...request, signal })
      // Somebody else's client may neither stop nor be quick; a try beside one that goes on would be one request more.
      const answer =
        own === undefined ? untilAborted(ask(call.signal), call.signal) : limited(ask, tryMs, call.signal, clock)
      return asked.parse(await answer)
    } catch (error) {
      if (call.signal.aborted) throw abortedBy(call.signal)
      throw failureOf(what, error, retryAfterMs)
    }
  }

  return {
    namespace,
    isPlainHttp: URL.canParse(address) && isPlainHttp(new URL(address)),
    send: (request, call) => retrying(() => attempt(request, call), { signal: call.signal, clock }),
    close: async () => own?.close(),
  }
}

async function headersOf(
  auth: VaultAuth | undefined,
  namespace: string | undefined,
  call: CallOptions,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = { 'X-Vault-Request': 'true' }
  if (auth !== undefined) headers['X-Vault-Token'] = await auth.token(call)
  if (namespace !== undefined) headers['X-Vault-Namespace'] = namespace
  return headers
}

/**
 * A client of `node-vault`, made on first use, of which `request` is used and nothing else. Its debug output would print
 * data keys, its generated commands encode no path, and its own transport follows redirects with the token and takes
 * `VAULT_SKIP_VERIFY=false` for a wish not to verify: none of them is in this one.
 */
function ownClient(
  endpoint: string,
  givenAuthorities: string | undefined,
): {
  readonly client: (call: CallOptions) => Promise<NodeVaultClient>
  close(): void
} {
  let transport: Transport | undefined
  const client = remembered(async () => {
    const [{ default: nodeVault }, { createTransport }, ca] = await Promise.all([
      import('node-vault'),
      import('./vault-transport.ts'), // with node:https, which costs a process more than all of this package
      authorities(givenAuthorities),
    ])
    const fresh = createTransport(ca)
    transport = fresh
    const made = nodeVault({
      endpoint,
      apiVersion: 'v1',
      debug: () => undefined,
      commands: {},
      'request-promise': { defaults: () => fresh.request },
    })
    // What it takes from VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX would go before what is sent here.
    return Object.assign(made, { token: '', namespace: '', pathPrefix: '' })
  })
  return { client, close: () => transport?.close() }
}

async function authorities(ca: string | undefined): Promise<string | undefined> {
  const path = process.env['VAULT_CACERT']
  if (ca !== undefined || path === undefined || path === '') return ca
  return readFile(path, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new KeyfoldError('INVALID_ARGUMENT', `VAULT_CACERT: the file cannot be read (${code})`)
  })
}

function demandAddress(address: string | undefined): string {
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined
  const sound =
    url !== undefined &&
    ['http:', 'https:'].includes(url.protocol) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === '')
  if (sound) return url.origin + url.pathname.replace(/\/+$/, '')
  // Not shown: it may hold a password.
  const expected = 'expected http:// or https://, a host and nothing secret, in options or VAULT_ADDR'
  throw new KeyfoldError('INVALID_ARGUMENT', `vault: address: ${expected}`)
}

function demandTryTimeout({ tryTimeoutMs, client }: ConnectionOptions): number {
  if (tryTimeoutMs === undefined) return usualTryMs
  if (client !== undefined) throw invalidClient('how long it tries is its own affair')
  if (Number.isFinite(tryTimeoutMs) && tryTimeoutMs > 0) return tryTimeoutMs
  throw new KeyfoldError('INVALID_ARGUMENT', 'vault: tryTimeoutMs: expected a positive number of milliseconds')
}

/** Empty where the client does not tell. */
function addressOf(client: NodeVaultClient): string {
  return 'endpoint' in client && typeof client.endpoint === 'string' ? client.endpoint : ''
}

/** A client's own namespace goes before any that is sent along with a request. */
function namespaceOf({ client, namespace, address, ca }: ConnectionOptions): string | undefined {
  if (client === undefined) {
    const named = namespace ?? process.env['VAULT_NAMESPACE'] ?? ''
    return named === '' ? undefined : demandPath('namespace', named).text
  }
  if (typeof client.request !== 'function') throw invalidClient('it has no request method')
  if (address !== undefined || ca !== undefined) throw invalidClient('it has its own address and authorities')
  const own = 'namespace' in client && typeof client.namespace === 'string' ? client.namespace : ''
  const named = namespace ?? own
  const text = named === '' ? undefined : demandPath('namespace', named).text
  if (own !== '' && demandPath('namespace', own).text !== text) throw invalidClient('it is of another namespace')
  return text
}

function invalidClient(why: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', `vault: client: ${why}`)
}

/** Node's timers fire at once where more is asked. */
const longestTimerMs = 2 ** 31 - 1

const machineClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    // Not unref'd: between two tries nothing else may hold the process, which would end in the middle of a call.
    const timer = setTimeout(callback, Math.min(delayMs, longestTimerMs))
    return () => clearTimeout(timer)
  },
}
