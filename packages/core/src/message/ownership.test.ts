import { describe, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import type { FrameRun } from '../crypto/engine.ts'
import { chain } from '../crypto/maybe-promise.ts'
import { KeyfoldError } from '../errors.ts'
import { anyOf } from '../keys/any-of.ts'
import type { KeyfoldEvent } from '../observe.ts'
import { pattern } from '../pattern.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { codeOf } from '../refusal.test-support.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { spyProvider } from './fixtures.test-support.ts'

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

describe('bytes that do not wait for their call', () => {
  const asking = (act?: () => void): Envelope =>
    createEnvelope({ keys: spyProvider({ dataKey: pattern(32, 3), before: async () => act?.() }).provider })

  test.each([0, 100])('an array of %i bytes that is transferred away is not sealed as an empty one', async (length) => {
    const bytes = pattern(length)
    const away = asking(() => structuredClone(bytes, { transfer: [bytes.buffer] }))
    expect(await codeOf(() => away.encrypt(bytes))).toBe('INVALID_ARGUMENT')
  })

  test('nor is one whose buffer shrinks', async () => {
    const buffer = new ArrayBuffer(100, { maxByteLength: 100 })
    const shrinks = asking(() => buffer.resize(10))
    expect(await codeOf(() => shrinks.encrypt(new Uint8Array(buffer)))).toBe('INVALID_ARGUMENT')
  })

  test.each([16, 100])(
    'a message in frames of %i that goes once its header is verified is not opened as an empty one',
    async (frameLength) => {
      const message = await envelope.encrypt(pattern(50), { frameLength })
      const observe = ({ type }: KeyfoldEvent): void => {
        if (type === 'data-key-unwrapped') structuredClone(message, { transfer: [message.buffer] })
      }
      expect(await codeOf(() => createEnvelope({ keys, observe }).decrypt(message))).toBe('INVALID_ARGUMENT')
    },
  )

  test('a message whose final frame is written over meanwhile is refused, and not read for ever', async () => {
    const message = await asking().encrypt(pattern(100), { frameLength: 40 })
    const finalFrame = Buffer.from(message).lastIndexOf(Buffer.from('ffffffff', 'hex'))
    const over = asking(() => message.fill(0, finalFrame, finalFrame + 4))
    expect(await codeOf(() => over.decrypt(message))).toBe('MALFORMED_MESSAGE')
  })
})

test.each([
  ['fewer', 100, (pieces: readonly Uint8Array[]) => pieces.slice(1)],
  ['fewer', 40, (pieces: readonly Uint8Array[]) => pieces.slice(1)],
  ['more', 100, (pieces: readonly Uint8Array[]) => [...pieces, pattern(9)]],
  ['more', 40, (pieces: readonly Uint8Array[]) => [...pieces, pattern(9)]],
  ['longer', 100, () => [pattern(101)]],
] as const)('an engine that gives %s pieces for frames of %i is not believed', async (_, frameLength, change) => {
  const message = await envelope.encrypt(pattern(100), { frameLength })
  const messageKey = engine.messageKey
  const spy = vi.spyOn(engine, 'messageKey').mockImplementation((...args) =>
    chain(messageKey(...args), (key) => {
      const openFrames = key.openFrames.bind(key)
      return Object.assign(key, { openFrames: (run: FrameRun) => chain(openFrames(run), change) })
    }),
  )
  expect(await codeOf(() => envelope.decrypt(message))).toBe('UNKNOWN')
  spy.mockRestore()
})

describe('a long message whose buffer changes', () => {
  const frameLength = 4096
  const length = 20 * frameLength

  /** Does something to the buffer so many turns after the call. */
  async function afterTurns(turns: number, change: () => void): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await null
    change()
  }

  test('while its key is asked for or later is sealed as it was at one moment, and never torn', async () => {
    for (let turns = 0; turns < 60; turns++) {
      const plaintext = new Uint8Array(length)
      const sealing = envelope.encrypt(plaintext, { frameLength })
      await afterTurns(turns, () => plaintext.fill(1))
      const { plaintext: opened } = await envelope.decrypt(await sealing)
      expect([...new Set(opened)], `${turns} turns`).toHaveLength(1)
    }
  })

  test.each(['encrypt', 'decrypt'] as const)('and is gone is sealed or opened before, or refused: %s', async (call) => {
    const codes = new Set<string>()
    const message = await envelope.encrypt(new Uint8Array(length), { frameLength })
    for (let turns = 0; turns < 60; turns++) {
      const bytes = call === 'encrypt' ? new Uint8Array(length) : message.slice()
      const running = envelope[call](bytes, call === 'encrypt' ? { frameLength } : {}).then(
        () => 'done',
        (error) => (KeyfoldError.is(error) ? error.code : String(error)),
      )
      await afterTurns(turns, () => structuredClone(bytes, { transfer: [bytes.buffer] }))
      codes.add(await running)
    }
    expect([...codes].sort()).toEqual(['INVALID_ARGUMENT', 'done'])
  })

  test.each(['encrypt', 'decrypt'] as const)(
    'and is gone between two runs of an engine that answers later is refused: %s',
    async (call) => {
      const message = await envelope.encrypt(new Uint8Array(length), { frameLength })
      const bytes = call === 'encrypt' ? new Uint8Array(length) : message
      const { messageKey } = engine
      const spy = vi.spyOn(engine, 'messageKey').mockImplementation((...args) =>
        chain(messageKey(...args), (key) => {
          const { sealFrames, openFrames } = key
          const later = async <T>(pieces: T): Promise<T> => {
            if (!bytes.buffer.detached) structuredClone(bytes, { transfer: [bytes.buffer] })
            return pieces
          }
          return Object.assign(key, {
            sealFrames: async (run: never) => later(await sealFrames.call(key, run)),
            openFrames: async (run: never) => later(await openFrames.call(key, run)),
          })
        }),
      )
      const options = call === 'encrypt' ? { frameLength } : {}
      expect(await codeOf(() => envelope[call](bytes, options))).toBe('INVALID_ARGUMENT')
      spy.mockRestore()
    },
  )
})
