import { availableServer } from '@keyfold/testing/availability'
import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { type OpenBao, startOpenBao } from '@keyfold/testing/openbao'
import { openBao } from '@keyfold/testing/servers'
import { token, transit } from '@keyfold/vault'
import nodeVault from 'node-vault'
import { digest } from './context.ts'
import type { BareClient, ServiceKeyRow } from './service-key.ts'

export const transitKeys: readonly ServiceKeyRow[] = [
  row('derived', { derived: true }, 'context'),
  row('aad', { type: 'aes256-gcm96' }, 'associated_data'),
]

function row(key: string, kind: object, bindsAs: string): ServiceKeyRow {
  return {
    name: `transit, ${key}`,
    async start() {
      const located = await availableServer(openBao)
      if (located.state === 'skipped') throw new Error(located.line)
      const server = await startOpenBao(located)
      await server.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
      await server.call('POST', `transit/keys/${key}`, { body: kind })
      const proxy = await startFaultProxy({ target: server.url })
      const auth = token(server.token)
      const keys = transit(key, { address: server.url, auth })
      const counted = transit(key, { address: proxy.url, auth })
      return {
        keys,
        bare: bareClient(server, key, bindsAs),
        counted: { keys: counted, requests: () => proxy.requests.length },
        async [Symbol.asyncDispose]() {
          await Promise.all([keys.close(), counted.close()])
          await proxy[Symbol.asyncDispose]()
          await server[Symbol.asyncDispose]()
        },
      }
    },
  }
}

/** As it comes: through axios, on connections of Node's own agent, which are kept as ours are. */
function bareClient(server: OpenBao, key: string, bindsAs: string): BareClient {
  const client = nodeVault({ endpoint: server.url, token: server.token })
  const binding = { [bindsAs]: Buffer.from(digest).toString('base64') }
  const post = async (operation: string, json: object): Promise<Record<string, string>> =>
    (await client.request({ method: 'POST', path: `/transit/${operation}/${key}`, json: { ...json, ...binding } })).data
  return {
    async wrap(dataKey) {
      const { ciphertext = '' } = await post('encrypt', { plaintext: Buffer.from(dataKey).toString('base64') })
      return Buffer.from(ciphertext, 'latin1')
    },
    async unwrap(entry) {
      const { plaintext = '' } = await post('decrypt', { ciphertext: Buffer.from(entry).toString('latin1') })
      return Buffer.from(plaintext, 'base64')
    },
  }
}
