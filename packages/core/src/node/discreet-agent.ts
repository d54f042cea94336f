import type { Agent } from 'node:http'

/**
 * Keeps a request's headers, credentials among them, from the connection that is opened for it. Node's agents hand them on
 * with all other options, and `NODE_DEBUG=net` prints what a connection is opened with. For whoever gives a service's client
 * its agent.
 *
 * @returns the agent itself, whose `createConnection` is replaced
 *
 * @example
 * ```ts
 * import { Agent } from 'node:https'
 * import { discreetAgent } from '@keyfold/core/node'
 *
 * const agent = discreetAgent(new Agent({ keepAlive: true, maxSockets: 50 }))
 * console.log(agent.maxSockets) // 50
 * ```
 */
export function discreetAgent<A extends Agent>(agent: A): A {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = ({ headers: _, ...options }, callback) => connect(options, callback)
  return agent
}
