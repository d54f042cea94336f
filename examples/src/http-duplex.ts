// A file sealed into an HTTP request and opened out of a response, with Node's own streams. A download gets its name only when
// all of it has proved true.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createEnvelope, KeyfoldError, rawAes } from '@keyfold/core'
import { decryptDuplex, encryptDuplex } from '@keyfold/core/node'

const envelope = createEnvelope({ keys: rawAes({ namespace: 'example', name: 'k1', key: randomBytes(32) }) })
const context = { file: 'sales' }
const folder = await mkdtemp(join(tmpdir(), 'keyfold-example-'))
const stored = join(folder, 'stored')
await using server = createServer(async (call, response) => {
  const work =
    call.method === 'PUT'
      ? pipeline(call, createWriteStream(stored)).then(() => response.end())
      : pipeline(createReadStream(stored), response)
  await work.catch(() => undefined) // whoever cannot go on, or finds the message damaged, hangs up: no error of this side
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
const url = `http://127.0.0.1:${port}/`

try {
  const sales = randomBytes(4 * 1024 * 1024)
  await writeFile(join(folder, 'sales'), sales)

  await upload(join(folder, 'sales'))
  console.log(`${sales.length} bytes are stored as ${(await stat(stored)).size}`)
  await download(join(folder, 'copy'))
  assert.deepEqual(await readFile(join(folder, 'copy')), sales)

  await assert.rejects(upload(join(folder, 'sales'), 'http://127.0.0.1:1/'), { code: 'ECONNREFUSED' })

  await flipBit(stored, 3_000_000)
  const refusal: unknown = await download(join(folder, 'bad copy')).catch((error: unknown) => error)
  console.log('damaged:', KeyfoldError.is(refusal) && refusal.code)
  assert.ok(KeyfoldError.is(refusal) && refusal.code === 'AUTHENTICATION_FAILED')
  await assert.rejects(access(join(folder, 'bad copy')))
} finally {
  await rm(folder, { recursive: true })
}

async function upload(path: string, to = url): Promise<void> {
  const sealing = encryptDuplex(envelope, { context, length: (await stat(path)).size })
  const headers = { 'content-length': String(await sealing.sealedLength) }
  const call = request(to, { method: 'PUT', headers })
  // At once: where the server is out of reach, both fail.
  const [answer] = await Promise.all([once(call, 'response'), pipeline(createReadStream(path), sealing, call)])
  const [response] = answer as [IncomingMessage] // what the event carries
  assert.equal(response.resume().statusCode, 200)
}

async function download(path: string): Promise<void> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage] // what the event carries
  const part = `${path}.part`
  try {
    await pipeline(response, decryptDuplex(envelope, { context }), createWriteStream(part))
    await rename(part, path)
  } finally {
    await rm(part, { force: true })
  }
}

async function flipBit(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, position)
  await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, position)
}
