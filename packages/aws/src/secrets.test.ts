import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { GenerateDataKeyCommand } from '@aws-sdk/client-kms'
import { expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { canaries, canariesIn } from './canaries.test-support.ts'
import { base64, bound, entryOf, keyArn, startKmsStub, taken, unhurried } from './kms-stub.test-support.ts'

const program = fileURLToPath(new URL('leaks.test-support.ts', import.meta.url))
const arn = keyArn('k-1')

it('finds a canary in every form', () => {
  const bytes = Buffer.from(canaries.dataKey)
  for (const form of [canaries.dataKey, bytes.toString('hex'), bytes.toString('base64'), JSON.stringify([...bytes])]) {
    expect(canariesIn(`x ${form} y`), form).toEqual(['dataKey'])
  }
})

it('shows no key, token or data key in what any failure prints', async () => {
  const printed = await fail({})
  expect(printed).toMatch(/FAILURES: \d\d/)
  expect(printed).not.toContain('came off')
  expect(canariesIn(printed)).toEqual([])
})

// Not `net` and `stream`: under those Node itself prints headers and the first bytes of bodies, whoever sends them.
it('shows none either while everything is debugged that does not print the wire', async () => {
  const printed = await fail({ DEBUG: '*', NODE_DEBUG: 'http,https,http2,tls,timer,undici,fetch,esm,module' })
  expect(printed).toContain('HTTP ')
  expect(canariesIn(printed)).toEqual([])
}, 60_000)

it('wipes the buffer in which the client gave a data key', async () => {
  await using stub = await startKmsStub()
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => at + 1)
  stub.answer({ KeyId: arn, Plaintext: base64(bytes), CiphertextBlob: 'AQID' })
  const client = stub.client()
  const given: Uint8Array[] = []
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      // What the client is about to hand out: of these two calls, an object with a plaintext.
      const { Plaintext } = result.output as { readonly Plaintext: Uint8Array }
      given.push(Plaintext)
      return result
    },
    { step: 'initialize' },
  )
  const key = awsKms(arn, { client })
  const made = await key.generateDataKey?.({ length: 32, ...bound() }, unhurried())
  expect(taken(made?.dataKey)).toEqual(bytes)
  expect(taken(await key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, unhurried()))).toEqual(bytes)
  expect(given.map((buffer) => [...new Set(buffer)])).toEqual([[0], [0]])
  const untouched = await client.send(new GenerateDataKeyCommand({ KeyId: arn, NumberOfBytes: 32 }))
  expect(untouched.Plaintext?.every((byte, at) => byte === bytes[at])).toBe(true)
})

async function fail(env: NodeJS.ProcessEnv): Promise<string> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 256 * 1024 * 1024 }
  const run = promisify(execFile)(process.execPath, ['--conditions=@keyfold/source', program], options)
  const { stdout, stderr } = await run
  return stdout + stderr
}
