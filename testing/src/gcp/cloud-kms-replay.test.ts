// Our server answers what the real service was recorded to answer.
import { expect, test } from 'vitest'
import { readRecordings } from '../recordings.ts'
import { startCloudKms } from './cloud-kms.ts'
import { addressed, isServed, replayGrpc, replayRest, seed } from './cloud-kms-replay.ts'
import { crc32cText } from './crc32c.ts'
import { RecordedCiphertexts } from './recorded-ciphertexts.ts'
import { comparable, type RecordedExchange } from './recorded-exchange.ts'

const recordings = await readRecordings<RecordedExchange>('gcp/kms.json')

if (recordings.state === 'skipped') {
  test('answers as the real Cloud KMS was recorded to', ({ skip }) => skip(recordings.line))
} else {
  const entries = (transport: string) => recordings.entries.filter((entry) => entry.transport === transport)

  for (const { name, exchanges } of entries('grpc')) {
    test(`gRPC, as recorded: ${name}`, async () => {
      await using server = await startCloudKms()
      const ciphertexts = new RecordedCiphertexts()
      for (const { request } of exchanges) server.model.createKey(String(request.body?.['name']), { versions: 29 })
      for (const { request, response } of exchanges) {
        const { ciphertext, ...rest } = { ...request.body }
        const body =
          ciphertext === undefined ? rest : { ...rest, ciphertext: ciphertexts.translate(String(ciphertext)) }
        const answer = await replayGrpc(server, request.method, body)
        const { details: _, ...error } = response.error ?? {}
        expect(comparable(answer)).toEqual(comparable(response.error ? { error } : response))
        const sealed = response.body?.['ciphertext']
        if (sealed !== undefined) ciphertexts.pair(String(sealed), String(answer.body?.['ciphertext']))
      }
    })
  }

  for (const { name, exchanges } of entries('rest')) {
    test(`REST, as recorded: ${name}`, async () => {
      await using server = await startCloudKms()
      seed(server, exchanges.map(addressed))
      for (const { request, response } of exchanges.map(addressed)) {
        if (request.url === undefined || !isServed(request.url)) continue
        const disabled = /API has not been used/.test(response.error?.message ?? '')
        server.model.apiEnabled = !disabled
        const answer = await replayRest(server, request)
        expect(answer.status, request.url).toBe(response.status)
        if (response.error) {
          const { code, status, message } = response.error
          expect(answer.error).toEqual({ code, status, message: disabled ? expect.stringMatching(/API/) : message })
        }
        if (response.body) expect(shown(answer.body)).toEqual(shown(response.body))
      }
    })
  }

  test('what is not replayed are import jobs, policies, locations, and requests that were not recorded', () => {
    const left = recordings.entries.flatMap(({ exchanges }) =>
      exchanges
        .map(addressed)
        .filter(({ request }) => !request.method.startsWith('/') && (!request.url || !isServed(request.url))),
    )
    const kinds = Map.groupBy(left, ({ request: { method, url = '' } }) => {
      if (url === '') return `${method} without its address or body`
      return /importJobs|IamPolicy|locations/.exec(url.replace(/locations\/[^/?]+\/keyRings/, ''))?.[0]
    })
    expect(Object.fromEntries([...kinds].map(([kind, those]) => [kind, those.length]))).toEqual({
      importJobs: 3,
      IamPolicy: 6,
      locations: 3,
      'PATCH without its address or body': 1,
    })
  })

  test('the checksums of the recordings are those of the library', () => {
    const pairs = recordings.entries
      .flatMap(({ exchanges }) => exchanges)
      .flatMap(({ response: { body = {} } }) =>
        ['plaintext', 'ciphertext']
          .filter((field) => field in body)
          .map((field) => [body[field], body[`${field}Crc32c`]]),
      )
    expect(pairs.length).toBeGreaterThan(10)
    for (const [data, checksum] of pairs) expect(crc32cText(Buffer.from(String(data), 'base64'))).toBe(checksum)
  })
}

/** Older answers lack a field, and those with `totalSize` were cut by their owners. */
function shown(body: unknown): unknown {
  const text = JSON.stringify(comparable(body), (field, value) =>
    field === 'destroyScheduledDuration' || field === 'totalSize' ? undefined : value,
  )
  return JSON.parse(text)
}
