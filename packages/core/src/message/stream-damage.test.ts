import { describe, expect, test } from 'vitest'
import { KeyfoldError } from '../errors.ts'
import { envelope, kinds, plaintext, regionsOf, write } from './damage.test-support.ts'
import { factsOf } from './reference-format.test-support.ts'
import { cut, type Driven, duplexKind as duplex, streamKinds, webKind as web } from './stream-kinds.test-support.ts'

const malformed = 'MALFORMED_MESSAGE'

function codeOf({ error }: Driven): string {
  return KeyfoldError.is(error) ? error.code : String(error)
}

/** One mask for each kind of stream, so that both see every byte changed. */
const masked = streamKinds.map((kind, at) => ({ ...kind, mask: [0x01, 0x80][at] ?? 0xff }))

describe.each(kinds)('a message of %s', (_, suite, frameLength) => {
  const message = write(suite, frameLength)
  const { bytes, header, frames } = message
  const isSigned = factsOf(suite).curve !== undefined

  /** The plaintext of the frames that end at or before a byte of the message: all that may be given out. */
  function good(offset: number): Buffer {
    if (isSigned || frameLength === 0) return Buffer.alloc(0)
    let end = header.length
    let count = 0
    for (const frame of frames) {
      end += frame.length
      if (end > offset) break
      count += 1
    }
    return plaintext.subarray(0, count * frameLength)
  }

  /** A prefix of whole good frames, and nothing else, came out. */
  function demandGood(offset: number, { output }: Driven): void {
    const most = good(offset)
    const whole = output.length === plaintext.length || frameLength === 0 || output.length % frameLength === 0
    expect(whole && most.subarray(0, output.length).equals(output), `${output.length} bytes out, ${offset}`).toBe(true)
  }

  // spec: client-apis/streaming.md#outputs/4
  test.each(masked)('is refused in a $kind with any of its bytes changed', async ({ decrypt, mask }) => {
    let offset = 0
    for (const [name, length, codes] of regionsOf(suite, message)) {
      // A stream goes by a length before it has seen the rest, and finds by a limit or a tag that it is wrong.
      const allowed = name.endsWith('length') ? [...codes, 'LIMIT_EXCEEDED', 'AUTHENTICATION_FAILED'] : codes
      for (const end = offset + length; offset < end; offset++) {
        const damaged = Buffer.from(bytes)
        damaged.writeUInt8((bytes[offset] ?? 0) ^ mask, offset)
        const driven = await decrypt(envelope, cut(damaged, 211))
        expect(allowed, `${name}, byte ${offset} ^ ${mask}: ${driven.error}`).toContain(codeOf(driven))
        demandGood(offset, driven)
      }
    }
    expect(offset).toBe(bytes.length)
  })

  test('is refused cut at any byte, by one kind of stream or the other', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const decrypt = length % 2 === 0 ? web.decrypt : duplex.decrypt
      const driven = await decrypt(envelope, cut(bytes.subarray(0, length), 211))
      expect(codeOf(driven), `cut at ${length}`).toBe(malformed)
      expect(driven.writeError, `cut at ${length}`).toBeDefined()
      demandGood(length, driven)
    }
  })

  test.each(streamKinds)('is refused in a $kind with anything behind its end', async ({ decrypt }) => {
    for (const more of [Buffer.of(0), Buffer.alloc(40), bytes, frames.at(-1) ?? bytes]) {
      for (const chunks of [[bytes, more], [Buffer.concat([bytes, more])]]) {
        const driven = await decrypt(envelope, chunks)
        expect(codeOf(driven)).toBe(malformed)
        if (isSigned) expect(driven.output.length).toBe(0)
      }
    }
  })
})
