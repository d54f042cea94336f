// The client that Keyfold makes by itself: one for all, until nobody needs it. No request leaves: there is a key file, and no call.
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startSetting } from './cloud-kms.test-support.ts'
import { givenClient, sharedClient } from './cloud-kms-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'keyfold-gcp-'))
const file = join(folder, 'credentials.json')
beforeAll(() => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const account = { type: 'service_account', client_email: 'test@example.com', private_key: privateKey }
  writeFileSync(file, JSON.stringify({ ...account, project_id: 'test-project', token_uri: 'http://127.0.0.1:1/' }))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const isClosed = async (client: Awaited<ReturnType<ReturnType<typeof sharedClient>['get']>>): Promise<boolean> => {
  const failure: unknown = await client.innerApiCalls['getCryptoKey']?.(
    { name: 'x' },
    { timeout: 1, retry: null },
  ).catch((error: unknown) => error)
  return /already been closed/.test(String(failure))
}

test('providers of a transport share one client, which the last one closes', async () => {
  const [one, two, rest] = [sharedClient('grpc'), sharedClient('grpc'), sharedClient('rest')]
  const [first, again, second, overRest] = await Promise.all([one.get(), one.get(), two.get(), rest.get()])
  expect(again).toBe(first)
  expect(second).toBe(first)
  expect(overRest).not.toBe(first)
  await one.close()
  await one.close()
  expect(await isClosed(first)).toBe(false)
  await two.close()
  expect(await isClosed(first)).toBe(true)
  const anew = await two.get()
  expect(anew).not.toBe(first)
  expect(await isClosed(anew)).toBe(false)
  await Promise.all([two.close(), rest.close()])
})

test('a start that failed is not remembered', async () => {
  const source = sharedClient('rest')
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder, 'missing.json'))
  await expect(source.get()).rejects.toThrow()
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  expect(await source.get()).toBeDefined()
  await source.close()
})

test('a client of the caller stays open', async () => {
  await using setting = await startSetting('grpc')
  const source = givenClient(setting.client)
  await source.get()
  await source.close()
  expect(await setting.provider.describe?.({ signal: new AbortController().signal })).toBeDefined()
})
