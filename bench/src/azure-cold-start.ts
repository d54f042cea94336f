// What Key Vault costs a new process: loading, the first call, and each further one, against a server of this machine, so that
// the network's own time is not in it. Prints a table; `pnpm --filter @keyfold/bench azure`.
import { startKeyVault } from '@keyfold/testing/azure/key-vault'
import { coldStart } from './cold-start.ts'

type Cost = 'importMs' | 'clientMs' | 'identityMs' | 'firstCallMs' | 'laterCallMs'

const child = (url: string, ca: string, algorithm: string): string => `
  const since = (start) => performance.now() - start
  const { SecretBytes } = await import('@keyfold/core')
  let start = performance.now()
  const { keyVault } = await import('@keyfold/azure')
  const importMs = since(start)
  start = performance.now()
  await import('@azure/keyvault-keys')
  const clientMs = since(start)
  const key = keyVault('${url}/keys/orders', {
    algorithm: '${algorithm}',
    credential: { getToken: async () => ({ token: 'test-token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
    hosts: ['${url.replace('https://', '')}'],
    clientOptions: { tlsOptions: { ca: ${JSON.stringify(ca)} }, disableChallengeResourceVerification: true },
  })
  const call = async () => {
    const started = performance.now()
    const dataKey = SecretBytes.from(crypto.getRandomValues(new Uint8Array(32)))
    const bound = { context: {}, contextBytes: new Uint8Array(0) }
    await key.wrapDataKey({ dataKey, ...bound }, { signal: new AbortController().signal })
    return since(started)
  }
  const firstCallMs = await call()
  const later = []
  for (let count = 0; count < 200; count++) later.push(await call())
  later.sort((a, b) => a - b)
  start = performance.now()
  await import('@azure/identity')
  const identityMs = since(start)
  console.log(JSON.stringify({ importMs, clientMs, identityMs, firstCallMs, laterCallMs: later[100] }))
`

await using server = await startKeyVault()
server.model.vault.keys.create('orders', { kty: 'RSA' })
server.model.hsm.keys.create('orders', { kty: 'oct-HSM' })
for (const [algorithm, url] of [
  ['RSA-OAEP-256', server.vaultUrl],
  ['A256GCM', server.hsmUrl],
] as const) {
  const costs = await coldStart<Cost>(child(url, server.ca, algorithm))
  console.log(
    `${algorithm}: import ${costs.importMs}, client ${costs.clientMs}, identity ${costs.identityMs}, ` +
      `first call ${costs.firstCallMs}, each later call ${costs.laterCallMs}`,
  )
}
