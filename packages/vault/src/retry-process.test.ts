import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = `
const { token, transit } = await import('@keyfold/vault')
const key = transit('a', { address: process.argv[1], auth: token('t') })
key.describe({ signal: new AbortController().signal }).catch((error) => console.log(error.code))`

test('a process that has nothing else to do does not end between two tries', async () => {
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    response.writeHead(requests === 1 ? 503 : 404, { connection: 'close' }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Cast: a server that listens on a port has one.
  const { port } = server.address() as AddressInfo
  const args = ['--conditions=@keyfold/source', '--input-type=module', '-e', program, `http://127.0.0.1:${port}`]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
    expect([stdout, requests]).toEqual(['KEY_NOT_FOUND\n', 2])
  } finally {
    server.close()
  }
})
