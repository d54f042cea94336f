import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { envelope, messages, mutatedMessages, plaintext, splicedMessages } from './damaged-messages.test-support.ts'
import { cut, streamKinds } from './stream-kinds.test-support.ts'

const frameLength = 20

describe.each(streamKinds)('a $kind', ({ decrypt }) => {
  /** What `decrypt` opens it opens to the same; what that refuses it refuses, and has given out whole good frames at most. */
  async function agrees(bytes: Uint8Array, chunkLength: number): Promise<void> {
    const { output, error } = await decrypt(envelope, cut(bytes, chunkLength))
    if (error === undefined) {
      expect(output.equals(plaintext)).toBe(true)
      expect(messages.some((message) => message.equals(bytes))).toBe(true)
    } else {
      expect(KeyfoldError.is(error), String(error)).toBe(true)
      expect(Buffer.from(plaintext).subarray(0, output.length).equals(output)).toBe(true)
      expect(output.length === plaintext.length || output.length % frameLength === 0).toBe(true)
      await expect(envelope.decrypt(bytes)).rejects.toBeInstanceOf(KeyfoldError)
    }
  }

  test.each([
    ['mutated messages', mutatedMessages],
    ['two messages spliced', splicedMessages],
  ])('opens %s in any chunks as decrypt does, or refuses them as it does', async (_, bytes) => {
    const chunkLength = fc.integer({ min: 1, max: 400 })
    await fc.assert(fc.asyncProperty(bytes, chunkLength, agrees), { numRuns: 700, timeout: 2_000 })
  })
})
