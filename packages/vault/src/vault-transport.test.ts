import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test, vi } from 'vitest'
import { createTransport } from './vault-transport.ts'

test('wipes the body of a request that is aborted before it is sent', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Cast: a server that listens on a port has one.
  const { port } = server.address() as AddressInfo
  const from = vi.spyOn(Buffer, 'from')
  const transport = createTransport(undefined)
  try {
    const signal = AbortSignal.abort()
    const uri = `http://127.0.0.1:${port}/v1/transit/encrypt/a`
    const sending = transport.request({ method: 'POST', uri, headers: {}, json: { plaintext: 'canary' }, signal })
    await expect(sending).rejects.toMatchObject({ code: 'ABORT_ERR' })
    const made = from.mock.calls.findIndex(([text]) => String(text).includes('canary'))
    const body: Uint8Array = from.mock.results[made]?.value
    await vi.waitFor(() => expect(body.every((byte) => byte === 0)).toBe(true))
    expect(body.length).toBe('{"plaintext":"canary"}'.length)
  } finally {
    from.mockRestore()
    transport.close()
    server.close()
  }
})
