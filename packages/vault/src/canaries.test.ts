import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const secretToken = 'hvs.CanaryOfTheTokenThatNobodyMaySee'
const secretKey = 'CanaryOfTheDataKeyNobodyMaySee32' // 32 bytes
const keyAnswer = {
  type: 'aes256-gcm96',
  derived: true,
  latest_version: 1,
  min_decryption_version: 1,
  supports_encryption: true,
  supports_decryption: true,
}

/** How the server fails, by the mount that is asked. All of them repeat the request, and tell the data key. */
const faults: Readonly<Record<string, (response: ServerResponse, echo: string) => void>> = {
  reset: (response) => response.socket?.destroy(),
  cut: (response, echo) => {
    response.writeHead(200, { 'content-length': 100_000 })
    response.write(`{"data":${JSON.stringify(echo)}`, () => response.socket?.destroy())
  },
  'no-json': (response, echo) => response.end(echo),
  'no-data': (response, echo) => response.end(JSON.stringify({ data: { plaintext: `${echo}!`, ciphertext: echo } })),
  html: (response, echo) => response.writeHead(502).end(`<html>${echo}`),
  redirect: (response, echo) => response.writeHead(307, { location: `/${encodeURIComponent(echo)}` }).end(),
  late: (response, echo) => response.writeHead(429, { 'retry-after': '3600' }).end(JSON.stringify({ errors: [echo] })),
  ...Object.fromEntries(
    [400, 401, 403, 404, 412, 418, 429, 500, 503].map((status) => [
      `s${status}`,
      (response: ServerResponse, echo: string) => response.writeHead(status).end(JSON.stringify({ errors: [echo] })),
    ]),
  ),
}

let server: Server
beforeAll(async () => {
  server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
})

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) body += piece
  if (request.method === 'GET') return void response.end(JSON.stringify({ data: keyAnswer }))
  const mount = request.url?.split('/')[2] ?? ''
  const fault = faults[mount] ?? ((lost: ServerResponse) => lost.writeHead(404).end())
  fault(response, `${JSON.stringify(request.headers)} ${body} ${btoa(secretKey)}`)
}

test.each([
  ['our client, under every debug output that there is', 'ours', { DEBUG: '*', NODE_DEBUG: '*' }],
  ['our client, under VAULT_SKIP_VERIFY', 'ours', { VAULT_SKIP_VERIFY: 'false' }],
  ['a client of your own', 'own', {}],
])('%s shows neither token nor data key', { timeout: 60_000 }, async (_, whose, env) => {
  const { port } = server.address() as AddressInfo // listening on TCP
  const program = fileURLToPath(new URL('canaries.test-support.ts', import.meta.url))
  const mounts = Object.keys(faults)
  const args = [
    '--conditions=@keyfold/source',
    program,
    `http://127.0.0.1:${port}`,
    secretToken,
    secretKey,
    mounts.join(','),
    whose,
  ]
  const options = { env: { PATH: process.env['PATH'], ...env }, maxBuffer: 256 * 1024 * 1024 }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options)
  for (const mount of mounts) expect(stdout).toContain(`done ${mount}\n`)
  const told = stdout + stderr
  for (const shown of [secretToken, secretKey, ...encodings(secretKey), ...encodings(secretToken)]) {
    const at = told.indexOf(shown)
    expect(at === -1 ? undefined : told.slice(Math.max(0, at - 300), at + 80), shown).toBeUndefined()
  }
  expect(stdout).toContain("code: 'ACCESS_DENIED'")
})

/** A middle part, in hexadecimal and base64, at each offset. */
function encodings(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  const base64 = [0, 1, 2].map((at) => bytes.subarray(at, at + 18).toString('base64'))
  return [
    text.slice(4, 20),
    bytes.toString('hex').slice(0, 30),
    bytes.toString('hex').replace(/..\B/g, '$& ').slice(0, 40),
    ...base64,
  ]
}
