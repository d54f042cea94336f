import type { KMSClient, KMSClientConfig } from '@aws-sdk/client-kms'
import { abortedBy, KeyfoldError, untilAborted } from '@keyfold/core'
import { kmsError } from './kms-errors.ts'

/** AWS's own package, as far as it is loaded. */
export type KmsPackage = typeof import('@aws-sdk/client-kms')

/** One Region's service, behind AWS's own client. */
export interface KmsConnection {
  /** Makes one call, under the client's own retries. @throws KeyfoldError */
  call<Answer>(call: KmsCall<Answer>): Promise<Answer>
  /** Ends what this made; a client that was handed in stays as it is. */
  close(): void
}

export interface KmsCall<Answer> {
  /** Names the call in errors. */
  readonly what: string
  readonly signal: AbortSignal
  work(client: KMSClient, kms: KmsPackage): Promise<Answer>
  /** Wipes an answer that came after the call was given up. */
  discard?(late: NoInfer<Answer>): void
}

export interface KmsConnectionTerms {
  /** Undefined: the client's own, or what the environment says. */
  readonly region: string | undefined
  /** A ready-made client, or what gives it on first use; it is neither altered nor closed. */
  readonly client: KMSClient | (() => KMSClient) | undefined
}

/** Loads nothing and connects to nothing before the first call. */
export function kmsConnection({ region, client: given }: KmsConnectionTerms): KmsConnection {
  let closed = false
  let client: KMSClient | undefined
  let agents: Agents | undefined
  let loading: ReturnType<typeof load> | undefined
  let checked = false

  async function open(): Promise<{ readonly client: KMSClient; readonly kms: KmsPackage }> {
    loading ??= load()
    const { kms, makeAgents } = await loading
    if (closed) throw closedError()
    client ??= makeClient(kms, makeAgents)
    if (!checked) await demandRegionOf(client, region)
    checked = true
    return { client, kms }
  }

  function makeClient(kms: KmsPackage, makeAgents: () => Agents): KMSClient {
    if (given !== undefined) return typeof given === 'function' ? given() : given
    agents = makeAgents()
    return ownClient(kms, region, agents)
  }

  return {
    async call(call) {
      const { what, signal } = call
      if (signal.aborted) throw abortedBy(signal)
      try {
        const answer = open().then(({ client, kms }) => call.work(client, kms))
        // The client waits between its tries whatever the signal says: whoever gave up does not wait with it.
        return await untilAborted(answer, signal, call.discard)
      } catch (error) {
        // Less time than a try has may have been over on a connection that is dead.
        if (agents !== undefined && isTimeout(signal.reason)) closeIdle(agents)
        if (signal.aborted) throw abortedBy(signal)
        throw KeyfoldError.is(error) ? error : kmsError(what, error)
      }
    },
    close() {
      closed = true
      if (given === undefined) client?.destroy()
    },
  }
}

interface Agents {
  readonly httpAgent: import('node:http').Agent
  readonly httpsAgent: import('node:https').Agent
}

async function load(): Promise<{ readonly kms: KmsPackage; readonly makeAgents: () => Agents }> {
  const [kms, http, https, { discreetAgent }] = await Promise.all([
    import('@aws-sdk/client-kms'),
    import('node:http'),
    import('node:https'),
    import('@keyfold/core/node'),
  ])
  const options = { keepAlive: true, maxSockets: 50 } // as the client's own
  return {
    kms,
    makeAgents: () => ({
      httpAgent: discreetAgent(new http.Agent(options)),
      httpsAgent: discreetAgent(new https.Agent(options)),
    }),
  }
}

/** A client whose next try makes a new connection, where one ran out of time. */
function ownClient({ KMSClient }: KmsPackage, region: string | undefined, agents: Agents): KMSClient {
  const client = new KMSClient(clientOptions(region, agents))
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        if (error instanceof Error && error.name === 'TimeoutError') closeIdle(agents)
        throw error
      }
    },
    { step: 'deserialize', priority: 'high', name: 'keyfoldIdle' }, // inside of the retries, and outside of what reads the answer
  )
  return client
}

/** What broke one connection without a word broke the others to the same service: the next try is not to meet one of them. */
function closeIdle({ httpAgent, httpsAgent }: Agents): void {
  for (const { freeSockets } of [httpAgent, httpsAgent]) {
    for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }
}

function isTimeout(reason: unknown): boolean {
  return KeyfoldError.is(reason) && reason.code === 'TIMEOUT'
}

/**
 * Five tries with jitter, all within the deadline that the call's signal keeps, throttling among what is tried again. A
 * connection or an answer that does not come is given up in time for another try.
 */
function clientOptions(region: string | undefined, agents: Agents): KMSClientConfig {
  const requestHandler = {
    connectionTimeout: 1000,
    requestTimeout: 3000,
    socketTimeout: 3000, // of an answer that has begun: the one before ends with its headers
    throwOnRequestTimeout: true,
    ...agents,
  }
  return { ...(region === undefined ? {} : { region }), retryMode: 'standard', maxAttempts: 5, requestHandler }
}

/** The configured Region chooses the client: one of another Region would ask for a key that is not there. */
async function demandRegionOf(client: KMSClient, region: string | undefined): Promise<void> {
  const own = await regionOf(client)
  if (region === undefined || own === region) return
  throw new KeyfoldError('INVALID_ARGUMENT', `awsKms: client: it is for another Region than the key's, ${region}`)
}

/** @throws KeyfoldError `INVALID_ARGUMENT` where neither configuration nor environment says it */
async function regionOf(client: KMSClient): Promise<string> {
  try {
    return await client.config.region()
  } catch {
    throw new KeyfoldError('INVALID_ARGUMENT', 'awsKms: no Region: give region, or set AWS_REGION')
  }
}

function closedError(): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', 'awsKms: used after it was closed')
}
