// When the client is loaded, and how many there are.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const key = 'projects/shop/locations/europe/keyRings/main/cryptoKeys/orders'

/** Runs a program that answers with JSON, without credentials and without looking for those of this machine. */
async function run(program: string): Promise<unknown> {
  const loaded = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      load(url, context, next) {
        loaded.push(url)
        return next(url, context)
      },
    })
    const clients = () => loaded.filter((url) => /@google-cloud.kms|google-gax|grpc-js/.test(url)).length
  `
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@keyfold/source', '--input-type=module', '--eval', loaded + program],
    {
      cwd: import.meta.dirname,
      env: {
        PATH: process.env['PATH'],
        HOME: '/nonexistent',
        METADATA_SERVER_DETECTION: 'none',
        GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/credentials.json',
      },
    },
  )
  return JSON.parse(stdout)
}

test('importing the package, making keys and asking what they accept load no client', async () => {
  const answer = await run(`
    const { cloudKms, gcp } = await import('@keyfold/gcp')
    const { createRegistry } = await import('@keyfold/core')
    const made = cloudKms('${key}')
    const again = createRegistry([gcp()]).key('gcpkms://${key}')
    const accepted = again.accepts({ providerId: 'gcp-kms', providerInfo: new Uint8Array(3), ciphertext: new Uint8Array(3) })
    await made.close()
    console.log(JSON.stringify({ accepted, clients: clients() }))
  `)
  expect(answer).toEqual({ accepted: false, clients: 0 })
}, 60_000)

test('the first call loads the client, and says that there are no credentials; so does the next', async () => {
  const answer = await run(`
    const { cloudKms } = await import('@keyfold/gcp')
    const key = cloudKms('${key}')
    const codes = []
    for (const tried of [1, 2]) {
      await key.describe({ signal: new AbortController().signal }).catch((error) => codes.push(error.code))
    }
    console.log(JSON.stringify({ codes, loaded: clients() > 0 }))
  `)
  expect(answer).toEqual({ codes: ['UNAUTHENTICATED', 'UNAUTHENTICATED'], loaded: true })
}, 60_000)
