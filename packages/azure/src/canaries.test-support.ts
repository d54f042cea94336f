/*
 * Run by canaries.test.ts as a program of its own, under debug output of everything: seals and opens with a key whose service
 * fails in turn, and prints each error in every way there is.
 */
import { inspect } from 'node:util'
import { SecretBytes } from '@keyfold/core'
import { keyVault } from './index.ts'

const { KEY_URL = '', CA = '', TOKEN = '', DATA_KEY = '', ENTRY_INFO = '', CALLS = '0' } = process.env
const host = KEY_URL.split('/')[2] ?? ''
const key = keyVault(KEY_URL, {
  credential: { getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }) },
  hosts: [host],
  clientOptions: { tlsOptions: { ca: CA }, disableChallengeResourceVerification: true },
  retry: { maxRetries: 1, tryTimeoutMs: 1000, delayMs: 1 },
})
const bound = { context: { a: 'b' }, contextBytes: new TextEncoder().encode('a=b') }
const { signal } = new AbortController()
const entry = {
  providerId: 'azure-keyvault',
  providerInfo: new TextEncoder().encode(ENTRY_INFO),
  ciphertext: new Uint8Array(256),
}

let failed = 0
for (let call = 0; call < Number(CALLS); call++) {
  const dataKey = SecretBytes.from(Uint8Array.from(Buffer.from(DATA_KEY, 'hex')))
  const calls = [
    () => key.wrapDataKey?.({ dataKey, ...bound }, { signal }),
    () => key.unwrapDataKey?.({ entry, length: 32, ...bound }, { signal }),
  ]
  try {
    await calls[call % 2]?.()
  } catch (error) {
    failed++
    console.log(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }))
    console.error(JSON.stringify(error), error instanceof Error && error.stack, error)
  }
}
// The environment itself holds the canaries, and debug output of all kinds may not show it either.
console.log(`FAILED ${failed}`)
