import { readFile } from 'node:fs/promises'
import { createEnvelope } from '@keyfold/core'
import { type OpenBao, startOpenBao } from '@keyfold/testing/openbao'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { token } from './auth.ts'
import { call, server } from './openbao.test-support.ts'
import { type TransitKey, transit } from './transit.ts'
import type { Binding } from './transit-key.ts'

interface EntryVector {
  readonly key: string
  readonly binding: Binding
  /** In hexadecimal, as the next. */
  readonly contextBytes: string
  readonly dataKey: string
  readonly providerId: string
  readonly providerInfo: string
  readonly ciphertext: string
}

interface MessageVector {
  readonly key: string
  readonly binding: Binding
  readonly message: string
}

interface VectorFile {
  /** Plaintext backups, by which a server has the very keys again. */
  readonly keys: Readonly<Record<string, string>>
  readonly vectors: readonly (EntryVector | MessageVector)[]
}

// Our own file, written once.
const file: VectorFile = JSON.parse(await readFile(new URL('entries.test-vectors.json', import.meta.url), 'utf8'))

let bao: OpenBao
beforeAll(async () => {
  if (server.state === 'skipped') return
  bao = await startOpenBao(server)
  await bao.call('POST', 'sys/mounts/transit', { body: { type: 'transit' } })
  for (const [name, backup] of Object.entries(file.keys)) {
    await bao.call('POST', `transit/restore/${name}`, { body: { backup } })
  }
})
afterAll(() => bao?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => {
  if (server.state === 'skipped') skip(server.line)
})

describe.each(Object.keys(file.keys))('a key %s, restored', (name) => {
  const vectors = file.vectors.filter(({ key }) => key === name)
  const keyOf = (binding: Binding): TransitKey => transit(name, { address: bao.url, auth: token(bao.token), binding })
  const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

  test('opens every entry of it, and under no other context where it binds one', async () => {
    const entries = vectors.filter((vector) => 'ciphertext' in vector)
    expect(entries).toHaveLength(6)
    for (const { binding, contextBytes, dataKey, providerId, providerInfo, ciphertext } of entries) {
      const key = keyOf(binding)
      const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
      const entry = { providerId, providerInfo: utf8(providerInfo), ciphertext: utf8(ciphertext) }
      const request = { entry, length: dataKey.length / 2, context: {} }
      expect(key.accepts(entry)).toBe(true)
      const opened = await key.unwrapDataKey({ ...request, contextBytes: bytes(contextBytes) }, call)
      expect(Buffer.from(opened.bytes).toString('hex')).toBe(dataKey)
      const elsewhere = key.unwrapDataKey({ ...request, contextBytes: bytes(`${contextBytes}00`) }, call)
      if (binding === 'none') expect((await elsewhere).length).toBe(request.length)
      else await expect(elsewhere).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    }
  })

  test('opens a message of it', async () => {
    const [vector, ...more] = vectors.filter((each) => 'message' in each)
    expect([vector === undefined, more.length]).toEqual([false, 0])
    const envelope = createEnvelope({ keys: keyOf(vector?.binding ?? 'none') })
    const { plaintext } = await envelope.decrypt(bytes(vector?.message ?? ''), { context: { tenant: 't-42' } })
    expect(new TextDecoder().decode(plaintext)).toBe('a message of the first release')
  })
})
