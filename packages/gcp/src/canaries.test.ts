// No key, token or plaintext in an error, nor in what any of the libraries can be made to print.
import { execFile } from 'node:child_process'
import { inspect, promisify } from 'node:util'
import { flipBit, setField } from '@keyfold/testing/gcp/service-faults'
import { describe, expect, test, vi } from 'vitest'
import { givenClient } from './client-source.ts'
import {
  bound,
  hasty,
  keyName,
  options,
  startSetting,
  transports,
  unwrapWith,
  wrapWith,
} from './cloud-kms.test-support.ts'
import { cloudKmsProvider } from './cloud-kms.ts'

vi.setConfig({ testTimeout: 30_000 }) // servers and clients of one machine, which may be busy

/** A data key that would show as what it is in any text. */
const canary = 'canary-of-the-data-key-32-bytes!'
const bytes = new TextEncoder().encode(canary)
const token = 'test-token'
const writings = [
  canary,
  Buffer.from(canary).toString('base64').replace(/=+$/, ''),
  Buffer.from(canary).toString('hex'),
  Buffer.from(canary).toString('hex').replace(/../g, '$& ').trim().slice(0, 60), // as a Buffer is printed
  [...bytes].join(', ').slice(0, 60),
  [...bytes].join(',').slice(0, 60),
  JSON.stringify(bytes).slice(1, 60), // as JSON of a Uint8Array
]

const statuses = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'UNAUTHENTICATED',
] as const

interface Terms {
  /** Whether the service's refusals say what was sent. */
  readonly repeats: boolean
  readonly secrets: readonly string[]
}

const switches: readonly (readonly [string, NodeJS.ProcessEnv, Terms])[] = [
  ['packages are debugged', { DEBUG: '*' }, { repeats: true, secrets: [...writings, token] }],
  [
    'Node is debugged, which prints the headers of any request itself',
    // All but stream: then Node itself prints the bytes of every stream, whoever uses it for what.
    { NODE_DEBUG: 'http,https,http2,net,tls,dns,timers,worker,module,esm,child_process,undici,fetch' },
    { repeats: true, secrets: writings },
  ],
  [
    "Google's libraries are traced, which print the text of any refusal themselves",
    { GOOGLE_SDK_NODE_LOGGING: 'all', GRPC_TRACE: 'all', GRPC_VERBOSITY: 'DEBUG' },
    { repeats: false, secrets: writings },
  ],
]

describe.each(transports)('over %s', (transport) => {
  test('shows neither data key nor token in any failure, not even where the service says them', async () => {
    await using setting = await startSetting(transport)
    const { provider, server } = setting
    const { faults } = server
    const entry = await wrapWith(provider, undefined, Uint8Array.from(bytes))
    const failures: [what: string, error: unknown][] = []
    const note = async (what: string): Promise<void> => {
      for (const call of [
        () => wrapWith(provider, undefined, Uint8Array.from(bytes)),
        () => unwrapWith(provider, entry),
        () => provider.describe(options()),
      ]) {
        const outcome = await Promise.resolve(call()).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (outcome !== undefined) failures.push([what, outcome])
      }
      faults.recover()
    }
    for (const status of statuses) {
      faults.fail(status, { message: `you sent ${writings.join(' ')} with Bearer ${token}` })
      await note(status)
    }
    for (const field of ['plaintext', 'ciphertext']) {
      faults.fault(flipBit(field), { method: field === 'plaintext' ? 'Decrypt' : 'Encrypt' })
      await note(`a flipped bit of ${field}`)
    }
    faults.fault(setField('plaintextCrc32c', { value: '7' }), { method: 'Decrypt' })
    await note('a wrong checksum')
    // Over REST the client refuses a name that fits no address, in a text that holds the whole request.
    const misnamed = cloudKmsProvider('no/name/of/a/key', givenClient(setting.client), hasty)
    for (const call of [wrapWith(misnamed, undefined, Uint8Array.from(bytes)), unwrapWith(misnamed, entry)]) {
      failures.push(['a name that is none', await call.catch((error: unknown) => error)])
    }
    expect(failures.length).toBeGreaterThanOrEqual(3 * statuses.length + 5)
    for (const [what, error] of failures) {
      const shown = [
        inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
        JSON.stringify(error),
        String(error instanceof Error && error.stack),
      ].join('\n')
      for (const secret of [...writings, token]) expect(shown.includes(secret), what).toBe(false)
    }
  })

  test.each(switches)(
    'prints no canary on any failure while %s',
    async (_, env, { repeats, secrets }) => {
      await using setting = await startSetting(transport)
      const { address, restUrl, faults } = setting.server
      const said = repeats ? { message: `you sent ${writings.join(' ')} with Bearer ${token}` } : {}
      for (const status of statuses) faults.fail(status, { times: 1, ...said })
      faults.fault(setField('plaintextCrc32c', { value: '7' }), { method: 'Decrypt', times: 1 })
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--conditions=@keyfold/source', '--input-type=module', '--eval', program(transport, { address, restUrl })],
        { cwd: import.meta.dirname, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...env } },
      )
      expect(stdout).toContain(`${statuses.length + 1} failures, then 32 bytes`)
      if (env['DEBUG'] === undefined) expect(stderr.length).toBeGreaterThan(1000) // those do print
      const printed = stdout + stderr
      for (const secret of secrets) expect(printed.includes(secret), secret).toBe(false)
    },
    60_000,
  )
})

function program(transport: string, server: { readonly address: string; readonly restUrl: string }): string {
  return `
    import { inspect } from 'node:util'
    import { SecretBytes } from '@keyfold/core'
    import { cloudKmsClient } from '@keyfold/testing/gcp/cloud-kms-client'
    import { cloudKmsProvider } from './cloud-kms.ts'
    import { givenClient } from './client-source.ts'
    import { usualRetry } from './retry.ts'
    const client = cloudKmsClient(${JSON.stringify(server)}, ${JSON.stringify(transport)})
    const bound = { context: {}, contextBytes: new Uint8Array(${JSON.stringify([...bound.contextBytes])}) }
    const options = { signal: new AbortController().signal }
    const key = cloudKmsProvider(${JSON.stringify(keyName)}, givenClient(client), { ...usualRetry, tries: 1 })
    const dataKey = SecretBytes.from(new Uint8Array(${JSON.stringify([...bytes])}))
    let failures = 0
    const show = (error) => {
      failures++
      console.log(inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), error.stack)
    }
    for (let row = 0; row < ${statuses.length}; row++) await key.wrapDataKey({ dataKey, ...bound }, options).catch(show)
    const entry = await key.wrapDataKey({ dataKey, ...bound }, options)
    await key.unwrapDataKey({ entry, length: 32, ...bound }, options).catch(show)
    const opened = await key.unwrapDataKey({ entry, length: 32, ...bound }, options)
    console.log(failures + ' failures, then ' + opened.length + ' bytes')
    await client.close()
  `
}
