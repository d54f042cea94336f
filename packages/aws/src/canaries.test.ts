import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { KMSClient } from '@aws-sdk/client-kms'
import { SecretBytes } from '@keyfold/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { canaries, canariesIn } from './canaries.test-support.ts'
import {
  base64,
  bound,
  entryOf,
  type KmsStub,
  keyArn,
  startKmsStub,
  taken,
  unhurried,
} from './kms-stub.test-support.ts'

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

it('shows none under any debug output that there is, through the client that is made here', async () => {
  const printed = await fail({ DEBUG: '*', NODE_DEBUG: '*' }, 'ours')
  expect(printed).toMatch(/FAILURES: \d\d/)
  expect(printed).toMatch(/NET \d+: createConnection/)
  expect(canariesIn(printed)).toEqual([])
}, 60_000)

// Not `net` and `stream`: under those Node itself prints the headers of a client of your own, and the first bytes of answers.
it('shows none either through a client of your own, while everything is debugged that does not print the wire', async () => {
  const printed = await fail({ DEBUG: '*', NODE_DEBUG: 'http,https,http2,tls,timer,undici,fetch,esm,module' })
  expect(printed).toContain('HTTP ')
  expect(canariesIn(printed)).toEqual([])
}, 60_000)

describe('wiped is', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => at + 1)
  let stub: KmsStub
  beforeEach(async () => {
    stub = await startKmsStub()
    stub.answer({ KeyId: arn, Plaintext: base64(bytes), CiphertextBlob: 'AQID' })
    return () => stub[Symbol.asyncDispose]()
  })

  it('the buffer in which the client gave a data key', async () => {
    const given: Uint8Array[] = []
    const key = awsKms(arn, { client: watched(stub.client(), async ({ answered }) => void given.push(answered)) })
    const made = await key.generateDataKey?.({ length: 32, ...bound() }, unhurried())
    expect(taken(made?.dataKey)).toEqual(bytes)
    expect(taken(await key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, unhurried()))).toEqual(
      bytes,
    )
    expect(given.map(isZero)).toEqual([true, true])
  })

  it('the copy of a data key that the client was given, and not the data key itself', async () => {
    const given: Uint8Array[] = []
    const key = awsKms(arn, { client: watched(stub.client(), async ({ asked }) => void given.push(asked)) })
    const dataKey = SecretBytes.from(bytes.slice())
    await key.wrapDataKey?.({ dataKey, ...bound() }, unhurried())
    expect(stub.calls[0]?.body['Plaintext']).toBe(base64(bytes))
    expect(given.map(isZero)).toEqual([true])
    expect(taken(dataKey)).toEqual(bytes)
  })

  it('an answer that came after the call was given up', async () => {
    const controller = new AbortController()
    const late = Promise.withResolvers<Uint8Array>()
    const gate = Promise.withResolvers<void>()
    const client = watched(stub.client(), async ({ answered }) => {
      controller.abort()
      await gate.promise
      late.resolve(answered)
    })
    const key = awsKms(arn, { client })
    const opening = key.unwrapDataKey?.({ entry: entryOf(arn), length: 32, ...bound() }, controller)
    await expect(opening).rejects.toMatchObject({ code: 'ABORTED' })
    gate.resolve()
    const answered = await late.promise
    await vi.waitUntil(() => isZero(answered))
  })
})

interface Buffers {
  readonly asked: Uint8Array
  readonly answered: Uint8Array
}

/** Looks at the plaintext that the client was given and gives, on its way. */
function watched(client: KMSClient, look: (buffers: Buffers) => Promise<void>): KMSClient {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { Plaintext: asked = new Uint8Array() } = args.input as { readonly Plaintext?: Uint8Array } // of Encrypt
      const { Plaintext: answered = new Uint8Array() } = result.output as { readonly Plaintext?: Uint8Array } // of the others
      await look({ asked, answered })
      return result
    },
    { step: 'initialize' },
  )
  return client
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.length === 32 && bytes.every((byte) => byte === 0)
}

async function fail(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 256 * 1024 * 1024 }
  const run = promisify(execFile)(process.execPath, ['--conditions=@keyfold/source', program, ...args], options)
  const { stdout, stderr } = await run
  return stdout + stderr
}
