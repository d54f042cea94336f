import { type CloudKmsClient, type CloudKmsTransport, startClient } from './cloud-kms-client.ts'

/** Where a provider has its client from. */
export interface ClientSource {
  /** The client, loaded and made at the first use. Rejects where no credentials are to be had. */
  get(): Promise<CloudKmsClient>
  /** Told of a client that answered. */
  confirm(client: CloudKmsClient): void
  /** Told of a client on which nothing came back in time. Where it is ours, `get` gives another as soon as one has started. */
  abandon(client: CloudKmsClient): void
  /** Lets go of it. A client of the caller's own stays open. */
  close(): Promise<void>
}

export function givenClient(client: CloudKmsClient): ClientSource {
  return {
    async get() {
      await client.initialize()
      return client
    },
    confirm: () => undefined,
    abandon: () => undefined,
    close: async () => undefined,
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
 * @param longestStartMs how long calls wait for a client that is to take another's place
 */
export function sharedClients(
  start: (transport: CloudKmsTransport) => Promise<CloudKmsClient>,
  longestStartMs = 3000,
): (transport: CloudKmsTransport) => ClientSource {
  const current = new Map<CloudKmsTransport, Shared>()
  const untried = new WeakMap<CloudKmsClient, number>()

  /**
   * Not yet, where it took another's place and has not answered either: then the service is what is silent. gRPC never ends
   * a connection that is not through, whether its client is closed or not, so that each further client would leave one behind.
   */
  function mayReplace(client: CloudKmsClient): boolean {
    const since = untried.get(client)
    return since === undefined || performance.now() - since >= untriedMs
  }

  function join(transport: CloudKmsTransport): Shared {
    const known = current.get(transport)
    if (known !== undefined) return known
    const fresh: Shared = { client: start(transport), users: 0, failed: false }
    current.set(transport, fresh)
    fresh.client.catch(() => {
      fresh.failed = true
      if (current.get(transport) === fresh) current.delete(transport)
    })
    return fresh
  }

  return (transport) => {
    let mine: Shared | undefined
    return {
      async get() {
        if (mine === undefined || mine.failed) {
          mine = join(transport)
          mine.users++
        }
        return mine.client
      },
      confirm: (client) => void untried.delete(client),
      abandon(client) {
        // Over REST a new client would not help: all of a process have one agent, with the same idle connections.
        if (mine === undefined || transport !== 'grpc' || !mayReplace(client)) return
        const startUntried = async (): Promise<CloudKmsClient> => {
          const next = await start(transport)
          untried.set(next, performance.now())
          return next
        }
        replace(mine, client, startUntried, longestStartMs)
      },
      async close() {
        const left = mine
        mine = undefined
        if (left === undefined || --left.users > 0) return
        if (current.get(transport) === left) current.delete(transport)
        left.stopWaiting?.() // what may never start is not waited for
        const client = await left.client.catch(() => undefined)
        left.next?.then((next) => next.close()).catch(() => undefined)
        await client?.close()
      },
    }
  }
}

/** For so long, a client that took another's place and has not answered is left to make its connection. */
const untriedMs = 30_000

interface Shared {
  client: Promise<CloudKmsClient>
  users: number
  /** The client remembers a failure to start forever: the next use makes another. */
  failed: boolean
  /** Being replaced. */
  stale?: CloudKmsClient
  /** Being started to take its place. */
  next?: Promise<CloudKmsClient>
  /** Ends the wait for that. */
  stopWaiting?: () => void
}

/**
 * Puts another client in the place of a stale one, which stays where no other can be started, or not in time: it waits for
 * its credentials without end, while the stale one may be alive. Many may call for it at once.
 */
function replace(
  shared: Shared,
  stale: CloudKmsClient,
  start: () => Promise<CloudKmsClient>,
  longestStartMs: number,
): void {
  if (shared.stale === stale) return
  shared.stale = stale
  const over = Promise.withResolvers<undefined>()
  shared.stopWaiting = () => over.resolve(undefined)
  const { client } = shared
  shared.client = client.then(async (present) => {
    // Not unref'd: while a start hangs nothing else may hold the process, which would end in the middle of a call.
    const timer = setTimeout(() => over.resolve(undefined), longestStartMs)
    try {
      if (present !== stale) return present // it was replaced before
      const next = await Promise.race([shared.next ?? startNext(shared, start), over.promise])
      if (next === undefined) return stale // until a call runs out of time again
      delete shared.next
      // Who was given it just now has made the call by then; calls under way on it go on.
      setImmediate(() => void stale.close().catch(() => undefined))
      return next
    } catch {
      return stale
    } finally {
      clearTimeout(timer)
      delete shared.stale
    }
  })
  shared.client.catch(() => undefined) // nobody may be waiting for it
}

/** One start at a time; one that fails, however late, is forgotten. */
function startNext(shared: Shared, start: () => Promise<CloudKmsClient>): Promise<CloudKmsClient> {
  const next = start()
  shared.next = next
  next.catch(() => {
    if (shared.next === next) delete shared.next
  })
  return next
}
