import { KeyfoldError, untilAborted } from '@keyfold/core'
import { type CloudKmsClient, type CloudKmsTransport, startClient } from './cloud-kms-client.ts'
import { closedError } from './cloud-kms-errors.ts'

/** Where a provider has its client from. */
export interface ClientSource {
  /**
   * The client, loaded and made at the first use. Rejects where no credentials are to be had.
   *
   * @throws KeyfoldError `TIMEOUT` where none started in time; `INVALID_ARGUMENT` after `close`; as the signal says
   */
  get(signal: AbortSignal): Promise<CloudKmsClient>
  /** Told of a client that answered. */
  confirm(client: CloudKmsClient): void
  /** Told of a client on which nothing came back in time. Where it is ours, `get` gives another as soon as one has started. */
  abandon(client: CloudKmsClient): void
  /** Lets go of it. A client of the caller's own stays open. */
  close(): Promise<void>
}

export function givenClient(client: CloudKmsClient): ClientSource {
  let closed = false
  return {
    async get() {
      if (closed) throw closedError()
      await client.initialize()
      return client
    },
    confirm: () => undefined,
    abandon: () => undefined,
    async close() {
      closed = true
    },
  }
}

/**
 * One client for all providers of a transport: it costs half a second to load and to make, and holds one connection. The last
 * provider that used it closes it. Where nothing comes back on it in time, another takes its place: gRPC would use a
 * connection that died without a word, as while a machine was suspended, for every further try and call.
 */
export const sharedClient: (transport: CloudKmsTransport) => ClientSource = sharedClients(startClient)

/**
 * @param start makes a client and looks for its credentials
 * @param longestStartMs how long calls wait for that. Its libraries ask for three seconds whether they are on Google's
 *   machines before they say that there are no credentials, and on those wait without end
 */
export function sharedClients(
  start: (transport: CloudKmsTransport) => Promise<CloudKmsClient>,
  longestStartMs = 5000,
): (transport: CloudKmsTransport) => ClientSource {
  const current = new Map<CloudKmsTransport, Shared>()

  function join(transport: CloudKmsTransport): Shared {
    const shared = current.get(transport) ?? { users: 0 }
    current.set(transport, shared)
    shared.users++
    return shared
  }

  return (transport) => {
    let mine: Shared | undefined
    const closing = new AbortController()
    const startNext = (shared: Shared): void =>
      settle(shared, {
        client: start(transport),
        replaces: shared.client,
        awaitedUntil: performance.now() + longestStartMs,
      })
    return {
      async get(signal) {
        if (closing.signal.aborted) throw closedError()
        mine ??= join(transport)
        const shared = mine
        if (shared.client === undefined && !isAwaited(shared.next)) startNext(shared)
        if (isAwaited(shared.next)) await arrival(shared, shared.next, AbortSignal.any([signal, closing.signal]))
        if (shared.client === undefined) {
          throw new KeyfoldError('TIMEOUT', `cloudKms: no client within ${longestStartMs} ms`)
        }
        return shared.client
      },
      confirm(client) {
        if (mine?.client === client) delete mine.untriedSince
      },
      abandon(client) {
        // Over REST a new client would not help: all of a process have one agent, with the same idle connections.
        if (transport !== 'grpc' || mine === undefined || mine.client !== client) return
        if (!isAwaited(mine.next) && !isUntried(mine)) startNext(mine)
      },
      async close() {
        closing.abort(closedError())
        const left = mine
        mine = undefined
        if (left === undefined || --left.users > 0) return
        current.delete(transport)
        await left.client?.close() // the next one is not waited for: it may never start, and is closed if it does
      },
    }
  }
}

interface Shared {
  users: number
  client?: CloudKmsClient
  /** The first one, or one that is to take the place of `client`. */
  next?: Start
  /** Since when `client` has another's place without having answered. */
  untriedSince?: number
}

interface Start {
  readonly client: Promise<CloudKmsClient>
  /** In whose place it is to come; undefined for the first. */
  readonly replaces: CloudKmsClient | undefined
  /** By `performance.now`. Until then calls wait for it; after that another may be started in its stead. */
  awaitedUntil: number
}

/**
 * Puts the next client in its place when it has started, however late; one that nobody needs by then is closed. Where it
 * fails, the one that there is stays.
 */
function settle(shared: Shared, next: Start): void {
  shared.next = next
  next.client.then(
    (client) => {
      if (shared.users === 0 || shared.client !== next.replaces) return retire(client)
      delete shared.next
      const stale = shared.client
      shared.client = client
      if (stale === undefined) return
      shared.untriedSince = performance.now()
      // Who was given it just now has made the call by then; calls under way on it go on.
      setImmediate(() => retire(stale))
    },
    () => {
      if (shared.next === next) delete shared.next
    },
  )
}

function retire(client: CloudKmsClient): void {
  client.close().catch(() => undefined)
}

function isAwaited(next: Start | undefined): next is Start {
  return next !== undefined && performance.now() < next.awaitedUntil
}

/**
 * Where it took another's place and has not answered either, the service is what is silent, until half a minute is over: gRPC
 * never ends a connection that is not through, whether its client is closed or not, so each further client would leave one behind.
 */
function isUntried({ untriedSince }: Shared): boolean {
  return untriedSince !== undefined && performance.now() - untriedSince < 30_000
}

/** Waits for the next client, in its time. Where it fails to start, the one that there is serves. */
async function arrival(shared: Shared, next: Start, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>()
  // Not unref'd: while a start hangs nothing else may hold the process, which would end in the middle of a call.
  const timer = setTimeout(() => {
    next.awaitedUntil = 0 // a timer may be early
    over.resolve()
  }, next.awaitedUntil - performance.now())
  try {
    await untilAborted(Promise.race([next.client, over.promise]), signal)
  } catch (error) {
    if (signal.aborted || shared.client === undefined) throw error
  } finally {
    clearTimeout(timer)
  }
}
