// What Transit costs a new process: loading, the first data key (with it the client, the key's kind and a connection), and each
// further one, against OpenBao on this machine, so that the network's own time is not in it. `pnpm --filter @keyfold/bench vault`.
import { availableServer } from '@keyfold/testing/availability'
import { startOpenBao } from '@keyfold/testing/openbao'
import { openBao } from '@keyfold/testing/servers'
import { coldStart, type DataKeyCost, dataKeyScript } from './cold-start.ts'

const child = (address: string, token: string, key: string): string =>
  dataKeyScript(
    "const { token, transit } = await import('@keyfold/vault')",
    `transit('${key}', { address: '${address}', auth: token('${token}') })`,
  )

const located = await availableServer(openBao)
if (located.state === 'skipped') throw new Error(located.line)
await using server = await startOpenBao(located)
await server.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
for (const [key, body] of Object.entries({ derived: { derived: true }, aad: {} })) {
  await server.call('POST', `transit/keys/${key}`, { body })
  const costs = await coldStart<DataKeyCost>(child(server.url, server.token, key))
  console.log(`${key}: import ${costs.importMs}, first data key ${costs.firstCallMs}, each later ${costs.laterCallMs}`)
}
