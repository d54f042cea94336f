// What Transit costs a new process: loading, the first data key (with it the client, the key's kind and a connection), and each
// further one, against OpenBao on this machine, so that the network's own time is not in it. `pnpm --filter @keyfold/bench vault`.
import { availableServer } from '@keyfold/testing/availability'
import { startOpenBao } from '@keyfold/testing/openbao'
import { openBao } from '@keyfold/testing/servers'
import { coldStart } from './cold-start.ts'

type Cost = 'importMs' | 'firstCallMs' | 'laterCallMs'

const child = (address: string, token: string, key: string): string => `
  await import('@keyfold/core')
  const since = (start) => performance.now() - start
  const start = performance.now()
  const { token, transit } = await import('@keyfold/vault')
  const importMs = since(start)
  const provider = transit('${key}', { address: '${address}', auth: token('${token}') })
  const call = async () => {
    const started = performance.now()
    const bound = { context: {}, contextBytes: new Uint8Array(0) }
    await provider.generateDataKey({ length: 32, ...bound }, { signal: new AbortController().signal })
    return since(started)
  }
  const firstCallMs = await call()
  const later = []
  for (let count = 0; count < 200; count++) later.push(await call())
  later.sort((a, b) => a - b)
  console.log(JSON.stringify({ importMs, firstCallMs, laterCallMs: later[100] }))
  await provider.close()
`

const located = await availableServer(openBao)
if (located.state === 'skipped') throw new Error(located.line)
await using server = await startOpenBao(located)
await server.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
for (const [key, body] of Object.entries({ derived: { derived: true }, aad: {} })) {
  await server.call('POST', `transit/keys/${key}`, { body })
  const costs = await coldStart<Cost>(child(server.url, server.token, key))
  console.log(`${key}: import ${costs.importMs}, first data key ${costs.firstCallMs}, each later ${costs.laterCallMs}`)
}
