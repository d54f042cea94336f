/* A program that fails in every way against the server given, and prints all that its errors hold. Run by canaries.test.ts. */
import { inspect } from 'node:util'
import { SecretBytes } from '@keyfold/core'
import { token, transit } from '@keyfold/vault'
import nodeVault from 'node-vault'

const [address = '', secretToken = '', secretKey = '', mounts = '', whose = ''] = process.argv.slice(2)
const signal = AbortSignal.timeout(20_000)
const schedule = (delayMs: number, callback: () => void) => {
  if (delayMs === 4000) return () => undefined // the limit of a try, which no answer here comes near
  const timer = setImmediate(callback)
  return () => clearImmediate(timer)
}
const clock = { now: Date.now, monotonic: () => performance.now(), schedule }
const bound = { context: {}, contextBytes: new Uint8Array(0) }

for (const mount of mounts.split(',')) {
  const client = nodeVault({ endpoint: address, token: secretToken })
  const reached = whose === 'own' ? { client } : { address, auth: token(secretToken) }
  const key = transit('derived', { ...reached, mount, clock })
  const entry = {
    providerId: key.providerId,
    providerInfo: new TextEncoder().encode(key.name),
    ciphertext: new TextEncoder().encode('vault:v1:AAAA'),
  }
  const dataKey = SecretBytes.from(new TextEncoder().encode(secretKey))
  const failures = await Promise.all([
    key.wrapDataKey({ dataKey, ...bound }, { signal }).catch((error: unknown) => error),
    key.generateDataKey({ length: 32, ...bound }, { signal }).catch((error: unknown) => error),
    key.unwrapDataKey({ entry, length: 32, ...bound }, { signal }).catch((error: unknown) => error),
  ])
  for (const failure of failures) {
    console.log(failure, inspect(failure, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }))
    console.log(JSON.stringify(failure), failure instanceof Error ? failure.stack : 'no error')
  }
  console.log(inspect(key, { depth: Number.POSITIVE_INFINITY, showHidden: true }), JSON.stringify(key))
  console.log(`done ${mount}`)
}
