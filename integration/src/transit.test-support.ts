import { startFaultProxy } from '@keyfold/testing/fault-proxy'
import { startOpenBao } from '@keyfold/testing/openbao'
import { token, transit, vault } from '@keyfold/vault'
import type { ServedKey } from './served-key.test-support.ts'

/** A derived key of Transit, as OpenBao has it. */
export async function startTransitKey(openBao: { readonly executable: string }): Promise<ServedKey> {
  await using starting = new AsyncDisposableStack()
  const server = starting.use(await startOpenBao(openBao))
  await server.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
  await server.call('POST', 'transit/keys/orders', { body: { derived: true } })
  const proxy = starting.use(await startFaultProxy({ target: server.url }))
  const options = { address: proxy.url, auth: token(server.token) }
  const key = transit('orders', options)
  starting.defer(() => key.close())
  const denied = { errors: ['1 error occurred:\n\t* permission denied\n\n'] }
  const started = starting.move()
  return {
    key,
    proxy,
    reference: 'hashivault://orders',
    adapter: vault(options),
    denial: { kind: 'status', status: 403, body: JSON.stringify(denied) },
    isDataKeyCall: ({ path }) => /\/transit\/(datakey\/plaintext|encrypt)\/orders$/.test(path),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
