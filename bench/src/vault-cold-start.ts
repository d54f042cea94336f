// What Transit costs a new process: loading, the first data key (with it the client, the key's kind and a connection), and each
// further one, against OpenBao on this machine, so that the network's own time is not in it. `pnpm --filter @keyfold/bench vault`.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { availableServer } from '@keyfold/testing/availability'
import { startOpenBao } from '@keyfold/testing/openbao'
import { openBao } from '@keyfold/testing/servers'
import { median } from './measure.ts'

const rounds = 7

interface Costs {
  readonly importMs: number
  readonly firstCallMs: number
  readonly laterCallMs: number
}

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
  const all: Costs[] = []
  for (let round = 0; round <= rounds; round++) {
    const args = ['--input-type=module', '--eval', child(server.url, server.token, key)]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL('..', import.meta.url) })
    if (round > 0) all.push(JSON.parse(stdout)) // the first fills the disk's caches
  }
  const middle = (cost: keyof Costs): string => `${median(all.map((costs) => costs[cost])).toFixed(1)} ms`
  console.log(
    `${key}: import ${middle('importMs')}, first data key ${middle('firstCallMs')}, each later ${middle('laterCallMs')}`,
  )
}
