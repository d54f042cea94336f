/*
 * What becomes of connections that die without a word, as behind a firewall that forgot them: they are told by time alone.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createEnvelope } from '@keyfold/core'
import { type Certificate, makeCertificate } from '@keyfold/testing/azure/certificate'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { base64, bound, keyArn, kmsClient, taken, unhurried } from './kms-stub.test-support.ts'

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
})
afterEach(() => vi.unstubAllEnvs())

const arn = keyArn('k-1')
const idle = 5

it('takes the idle connections along where a try runs out of time, and the next try has a new one', async () => {
  await using service = await startService()
  const key = awsKms(arn)
  const generate = async () => taken((await key.generateDataKey?.({ length: 32, ...bound() }, unhurried()))?.dataKey)
  await Promise.all(Array.from({ length: idle }, generate))
  expect([service.made, service.open]).toEqual([idle, idle])
  service.silence()
  expect(await generate()).toEqual(new Uint8Array(32).fill(7))
  expect([service.made, service.requests]).toEqual([idle + 1, idle + 2])
  await vi.waitFor(() => expect(service.open).toBe(1))
  await key.close()
})

it.each(['http', 'https'])(
  'takes them along too where the call had less time than a try, over %s',
  async (protocol) => {
    const certificate = protocol === 'https' ? await makeCertificate() : undefined
    using _ = trusting(certificate)
    await using service = await startService(certificate)
    const keys = awsKms(arn)
    const envelope = createEnvelope({ keys, callTimeoutMs: 500 })
    await Promise.all(Array.from({ length: idle }, () => envelope.encrypt(new Uint8Array(1))))
    service.silence()
    await expect(envelope.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'TIMEOUT' })
    await vi.waitFor(() => expect(service.open).toBe(0))
    await envelope.encrypt(new Uint8Array(1))
    expect(service.made).toBe(idle + 1)
    await envelope.close()
  },
)

it('leaves the connections of a client of your own, and ours where the caller left', async () => {
  await using service = await startService()
  const client = kmsClient(service.url)
  const own = createEnvelope({ keys: awsKms(arn, { client }), callTimeoutMs: 500 })
  await Promise.all(Array.from({ length: idle }, () => own.encrypt(new Uint8Array(1))))
  service.silence()
  await expect(own.encrypt(new Uint8Array(1))).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(service.open).toBeGreaterThanOrEqual(idle - 1)
  client.destroy()
  await vi.waitFor(() => expect(service.open).toBe(0))
  await using ours = createEnvelope({ keys: awsKms(arn) })
  await Promise.all(Array.from({ length: idle }, () => ours.encrypt(new Uint8Array(1))))
  service.silence()
  const signal = AbortSignal.timeout(200)
  await expect(ours.encrypt(new Uint8Array(1), { signal })).rejects.toMatchObject({ code: 'ABORTED' })
  await vi.waitFor(() => expect(service.open).toBe(idle - 1))
})

it('ends a try whose answer stops half-way, and makes another', async () => {
  await using service = await startService()
  await using envelope = createEnvelope({ keys: awsKms(arn) })
  service.breakOff()
  await envelope.encrypt(new Uint8Array(1))
  expect([service.made, service.requests]).toEqual([2, 2])
})

it('leaves its idle connections, too, where an answer stops half-way', async () => {
  await using service = await startService()
  await using envelope = createEnvelope({ keys: awsKms(arn) })
  await Promise.all(Array.from({ length: idle }, () => envelope.encrypt(new Uint8Array(1))))
  service.breakOff()
  const { requests } = service
  const sealing = envelope.encrypt(new Uint8Array(1))
  await vi.waitFor(() => expect(service.requests).toBe(requests + 1))
  service.silence()
  await sealing
  expect(service.requests).toBe(requests + 2)
})

/** Has this process trust the certificate, too. */
function trusting(certificate: Certificate | undefined): Disposable {
  const before = getCACertificates('default')
  if (certificate !== undefined) setDefaultCACertificates([...before, certificate.certificate])
  return { [Symbol.dispose]: () => setDefaultCACertificates(before) }
}

interface Service extends AsyncDisposable {
  readonly url: string
  readonly requests: number
  /** Connections, since the start and now. */
  readonly made: number
  readonly open: number
  /** Nothing comes back any more on the connections that there are. */
  silence(): void
  /** The next answer begins, and goes no further. */
  breakOff(): void
}

/** Generates the same data key each time; reached by the environment, over TLS where there is a certificate for it. */
async function startService(certificate?: Certificate): Promise<Service> {
  const open = new Set<Socket>()
  const silent = new WeakSet<Socket>()
  let made = 0
  let requests = 0
  let breaks = false
  const body = { KeyId: arn, Plaintext: base64(new Uint8Array(32).fill(7)), CiphertextBlob: 'AQID' }
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    requests += 1
    if (silent.has(request.socket)) return
    if (breaks) {
      breaks = false
      response.writeHead(200, { 'content-length': 100 }).write('{')
      return
    }
    request.resume().on('end', () => setTimeout(() => response.end(JSON.stringify(body)), 50)) // so that each has a connection of its own
  }
  const tls = certificate && { key: certificate.privateKey, cert: certificate.certificate }
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
  server.keepAliveTimeout = 0
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    made += 1
    open.add(socket.once('close', () => open.delete(socket)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // listening on TCP
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', url)
  return {
    url,
    get requests() {
      return requests
    },
    get made() {
      return made
    },
    get open() {
      return open.size
    },
    silence() {
      for (const socket of open) silent.add(socket)
    },
    breakOff() {
      breaks = true
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
