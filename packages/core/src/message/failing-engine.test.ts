import { afterEach, describe, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import type { MessageKey, SigningKey } from '../crypto/engine.ts'
import { chain } from '../crypto/maybe-promise.ts'
import { pattern } from '../pattern.test-support.ts'
import { createEnvelope } from './envelope.ts'
import { spyProvider } from './fixtures.test-support.ts'

/*
 * Whichever of the engine's steps fails, at once or later, the call fails as it did, and leaves no key behind: each data key
 * is released and each message key disposed of, once.
 */

afterEach(() => void vi.restoreAllMocks())

const failure = new Error('the engine fails')
const ways = {
  'at once': (): never => {
    throw failure
  },
  later: (): Promise<never> => Promise.reject(failure),
}

type KeyStep = 'headerTag' | 'verifyHeader' | 'sealFrames' | 'openFrames'
type Step = KeyStep | 'randomBytes' | 'messageKey' | 'signingKey' | 'sign' | 'verifySignature'

/** Makes one step fail, and counts the message keys. */
function failAt(step: Step | undefined, fail: () => Promise<never>): { made: number; disposed: number } {
  const count = { made: 0, disposed: 0 }
  const { messageKey, signingKey, randomBytes } = engine
  const watch = (key: MessageKey): MessageKey => {
    count.made += 1
    const watched = {
      commitment: key.commitment,
      headerTag: key.headerTag.bind(key),
      verifyHeader: key.verifyHeader.bind(key),
      sealFrames: key.sealFrames.bind(key),
      openFrames: key.openFrames.bind(key),
      [Symbol.dispose]() {
        count.disposed += 1
        key[Symbol.dispose]()
      },
    }
    return step !== undefined && step in watched ? { ...watched, [step]: fail } : watched
  }
  vi.spyOn(engine, 'messageKey').mockImplementation((...args) =>
    step === 'messageKey' ? fail() : chain(messageKey(...args), watch),
  )
  vi.spyOn(engine, 'signingKey').mockImplementation((...args) =>
    step === 'signingKey'
      ? fail()
      : chain(signingKey(...args), (key): SigningKey => (step === 'sign' ? { ...key, sign: fail } : key)),
  )
  if (step === 'verifySignature') vi.spyOn(engine, 'verifySignature').mockImplementation(fail)
  if (step === 'randomBytes') {
    vi.spyOn(engine, 'randomBytes').mockImplementation((length) => {
      if (new Error('where').stack?.includes('startMessage') === true) throw failure // for the message id
      return randomBytes(length)
    })
  }
  return count
}

const shapes = [
  ['one frame', 10],
  ['many runs', 200_000],
] as const

describe.each(Object.entries(ways))('a step that fails %s', (_, fail) => {
  describe.each(shapes)('in a message of %s', (__, length) => {
    const options = { sign: true, frameLength: 4096 }

    test.each([
      ['signingKey', 0],
      ['randomBytes', 0],
      ['messageKey', 0],
      ['headerTag', 1],
      ['sealFrames', 1],
      ['sign', 1],
    ] as const)('fails sealing at %s, and no key is left', async (step, made) => {
      const spy = spyProvider()
      const keys = failAt(step, fail)
      const sealing = createEnvelope({ keys: spy.provider }).encrypt(pattern(length), options)
      await expect(sealing).rejects.toBe(failure)
      expect(keys).toEqual({ made, disposed: made })
      expect(spy.secrets.map(({ released }) => released)).toEqual(step === 'signingKey' ? [] : [true])
    })

    test.each([
      ['messageKey', 0],
      ['verifyHeader', 1],
      ['openFrames', 1],
      ['verifySignature', 1],
    ] as const)('fails opening at %s, and no key is left', async (step, made) => {
      const spy = spyProvider()
      const envelope = createEnvelope({ keys: spy.provider })
      const message = await envelope.encrypt(pattern(length), options)
      const keys = failAt(step, fail)
      await expect(envelope.decrypt(message)).rejects.toBe(failure)
      expect(keys).toEqual({ made, disposed: made })
      expect(spy.secrets.map(({ released }) => released)).toEqual([true, true])
    })
  })
})

test('without a failure each message key is disposed of once', async () => {
  const keys = failAt(undefined, ways.later)
  const envelope = createEnvelope({ keys: spyProvider().provider })
  for (const [, length] of shapes) await envelope.decrypt(await envelope.encrypt(pattern(length), { sign: true }))
  expect(keys).toEqual({ made: 4, disposed: 4 })
})
