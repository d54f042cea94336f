import { expect, test } from 'vitest'
import { anyOf } from '../keys/any-of.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import { createEnvelope } from './envelope.ts'

const keys = rawAes({ namespace: 'n', name: 'k', key: pattern(32) })
const envelope = createEnvelope({ keys })

test('an empty plaintext is the caller’s own: its buffer may be transferred away', async () => {
  const message = await envelope.encrypt(new Uint8Array(0))
  const { plaintext } = await envelope.decrypt(message)
  structuredClone(plaintext, { transfer: [plaintext.buffer] })
  expect((await envelope.decrypt(message)).plaintext).toEqual(new Uint8Array(0))
  expect((await envelope.decrypt(await envelope.encrypt(new Uint8Array(0)))).plaintext).toEqual(new Uint8Array(0))
})

test('the same values under other names are another context, sealing and opening', async () => {
  const first = await envelope.encrypt(pattern(1), { context: { tenant: '7' } })
  const second = await envelope.encrypt(pattern(1), { context: { user: '7' } })
  expect({ ...(await envelope.decrypt(first)).context }).toEqual({ tenant: '7' })
  expect({ ...(await envelope.decrypt(second)).context }).toEqual({ user: '7' })
  expect(await codeOf(() => envelope.decrypt(first, { context: { user: '7' } }))).toBe('CONTEXT_MISMATCH')
  expect(await codeOf(() => envelope.decrypt(second, { context: { tenant: '7' } }))).toBe('CONTEXT_MISMATCH')
})

test('a provider cannot alter the context that the header gets', async () => {
  const meddling = {
    ...keys,
    wrapDataKey: async (...[request, options]: Parameters<NonNullable<typeof keys.wrapDataKey>>) => {
      const entry = await keys.wrapDataKey?.(request, options)
      if (entry === undefined) throw new Error('expected a key that wraps')
      request.contextBytes.fill(0x58)
      return entry
    },
  }
  const context = { tenant: 't-42' }
  const message = await createEnvelope({ keys: meddling }).encrypt(pattern(3), { context })
  expect((await envelope.decrypt(message, { context })).plaintext).toEqual(pattern(3))
})

test('an undefined option is absent, whatever its name', async () => {
  const options = { keys, cache: undefined } as object as { keys: typeof keys } // what plain JavaScript may pass
  expect(createEnvelope(options)).toBeDefined()
  expect((anyOf as (...args: unknown[]) => unknown)([keys], { require: undefined })).toBeDefined()
})

test('an observer that fails later is the listener’s matter too', async () => {
  const observe = async (): Promise<void> => {
    throw new Error('later')
  }
  expect(await createEnvelope({ keys, observe }).encrypt(pattern(3))).toBeInstanceOf(Uint8Array)
  await new Promise((resolve) => setImmediate(resolve)) // an unhandled rejection would fail the run
})
