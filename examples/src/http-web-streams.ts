// Sealed on its way out, opened on its way in: fetch and web streams. The server keeps bytes that it cannot read; sealing and
// opening hold a frame or two at a time. A damaged download ends in an error, after nothing but true bytes.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEnvelope, KeyfoldError, rawAes } from '@keyfold/core'

const stored = { bytes: Buffer.alloc(0), contentLength: '' }
await using server = createServer(async (request, response) => {
  if (request.method === 'GET') return void response.end(stored.bytes)
  stored.bytes = Buffer.concat(await request.toArray())
  stored.contentLength = request.headers['content-length'] ?? 'chunked'
  response.end()
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
const url = `http://127.0.0.1:${port}/`

const envelope = createEnvelope({ keys: rawAes({ namespace: 'example', name: 'k1', key: randomBytes(32) }) })
const context = { file: 'sales' }
const sales = randomBytes(4 * 1024 * 1024)

await upload(new Blob([sales]))
console.log(`${sales.length} bytes went as ${stored.contentLength}`)
const whole = await download()
console.log('came back:', whole.bytes.length, 'bytes')

stored.bytes[3_000_000] = (stored.bytes[3_000_000] ?? 0) ^ 1
const damaged = await download()
console.log('damaged:', damaged.bytes.length, 'bytes, then', damaged.error?.code)

assert.equal(stored.contentLength, String(stored.bytes.length))
assert.deepEqual(whole, { bytes: sales, error: undefined })
assert.equal(damaged.error?.code, 'AUTHENTICATION_FAILED')
assert.ok(damaged.bytes.length < 3_000_000)
assert.deepEqual(damaged.bytes, sales.subarray(0, damaged.bytes.length))

async function upload(file: Blob): Promise<void> {
  const sealing = envelope.encryptStream({ context, length: file.size })
  const body = file.stream().pipeThrough(sealing)
  // Without it fetch sends a stream chunked, which object stores refuse.
  const headers = { 'content-length': String(await sealing.sealedLength) }
  const { ok } = await fetch(url, { method: 'PUT', body, headers, duplex: 'half' })
  assert.ok(ok)
}

/** A reader keeps what comes only when the stream has ended without an error: this one shows both. */
async function download(): Promise<{ bytes: Buffer; error: KeyfoldError | undefined }> {
  const { body } = await fetch(url)
  assert.ok(body)
  const chunks: Uint8Array[] = []
  let error: unknown
  try {
    for await (const chunk of body.pipeThrough(envelope.decryptStream({ context }))) chunks.push(chunk)
  } catch (reason) {
    error = reason
  }
  return { bytes: Buffer.concat(chunks), error: KeyfoldError.is(error) ? error : undefined }
}
