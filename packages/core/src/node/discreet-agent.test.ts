import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { discreetAgent } from './discreet-agent.ts'

test('a connection is opened without the headers of its request, which arrive', async () => {
  const server = createServer((request, response) => response.end(request.headers.authorization)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const plain = new Agent({ keepAlive: true })
  const connect = vi.spyOn(plain, 'createConnection')
  const agent = discreetAgent(plain)
  const { port } = server.address() as AddressInfo // it listens
  try {
    for (const token of ['one', 'two']) {
      const request = get({ host: '127.0.0.1', port, agent, headers: { authorization: token } })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      expect(await text(response)).toBe(token)
    }
    expect(connect.mock.calls.map(([options]) => [options.port, options.headers])).toEqual([[port, undefined]])
  } finally {
    agent.destroy()
    server.close()
  }
})
