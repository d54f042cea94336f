import { afterEach, expect, test, vi } from 'vitest'
import { engine } from '#engine'
import { pattern } from '../pattern.test-support.ts'
import { inspect } from '../wire/inspect.ts'
import { setUp } from './fixtures.test-support.ts'
import { writeMessage } from './reference-writer.test-support.ts'

/* What a stream does with each part of a message, and when: nothing waits for what it does not need. */

const suite = 0x0578
const { dataKey, envelope } = setUp(suite)
const frameLength = 100

afterEach(() => void vi.restoreAllMocks())

/** Counts the bytes that are signed. */
async function countSigned(): Promise<() => number> {
  let bytes = 0
  const real = engine.signingKey.bind(engine)
  vi.spyOn(engine, 'signingKey').mockImplementation(async (of) => {
    const key = await real(of)
    return {
      publicKey: key.publicKey,
      sign() {
        throw new Error('a stream signs part by part')
      },
      signer() {
        const signer = key.signer()
        return {
          update(more) {
            bytes += more.length
            return signer.update(more)
          },
          sign: () => signer.sign(),
        }
      },
    }
  })
  return () => bytes
}

/** Counts the bytes whose signature is verified. */
async function countVerified(): Promise<() => number> {
  let bytes = 0
  const real = engine.verifier.bind(engine)
  vi.spyOn(engine, 'verifier').mockImplementation(async (...args) => {
    const verifier = await real(...args)
    return {
      update(more) {
        bytes += more.length
        return verifier.update(more)
      },
      verify: (signature) => verifier.verify(signature),
    }
  })
  return () => bytes
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

// spec: client-apis/encrypt.md#construct-the-header/31
// spec: client-apis/encrypt.md#construct-the-header/33
// spec: client-apis/encrypt.md#construct-the-body/3
// spec: client-apis/encrypt.md#construct-a-frame/14
// spec: client-apis/encrypt.md#construct-a-frame/15
// spec: client-apis/encrypt.md#construct-a-frame/16
// spec: client-apis/encrypt.md#construct-the-signature/6
test('sealing gives the header, each frame and the footer out as soon as it is whole, and signs as it goes', async () => {
  const signed = await countSigned()
  const { readable, writable } = envelope.encryptStream({ sign: true, frameLength })
  const writer = writable.getWriter()
  const read: Uint8Array[] = []
  const reading = (async () => {
    for await (const chunk of readable) read.push(chunk)
  })()
  const lengths = (): readonly number[] => read.map((chunk) => chunk.length)
  const regular = 4 + 12 + frameLength + 16

  await turns()
  const header = read[0] ?? new Uint8Array(0)
  expect([read.length, inspect(header).headerLength]).toEqual([1, header.length])
  expect(signed()).toBe(header.length)

  void writer.write(pattern(frameLength))
  await turns()
  expect(read.length).toBe(1) // it may be the last one
  void writer.write(pattern(1))
  await turns()
  expect(lengths()).toEqual([header.length, regular])
  expect(signed()).toBe(header.length + regular)
  void writer.write(pattern(2 * frameLength))
  await turns()
  expect(lengths()).toEqual([header.length, regular, regular, regular])
  expect(signed()).toBe(header.length + 3 * regular)

  void writer.close()
  await reading
  const footer = Buffer.from(read.at(-1) ?? [])
  expect(lengths()).toEqual([header.length, regular, regular, regular, 24 + 1 + 16, 2 + footer.readUInt16BE()])
  expect(signed()).toBe(header.length + 3 * regular + 41)
})

// spec: client-apis/decrypt.md#verify-the-header/9
// spec: client-apis/decrypt.md#decrypt-the-message-body/18
test('opening verifies the signature as it goes', async () => {
  const verified = await countVerified()
  const parts = [pattern(frameLength), pattern(frameLength), pattern(7)]
  const { header, frames, footer } = writeMessage({ suite, dataKey, frameLength, parts })
  const { readable, writable } = envelope.decryptStream()
  const writer = writable.getWriter()
  const reading = readable.getReader().read()
  let written = 0
  for (const part of [header, ...frames]) {
    void writer.write(part)
    written += part.length
    await turns()
    expect(verified()).toBe(written)
  }
  void writer.write(footer)
  void writer.close()
  expect((await reading).value?.length).toBe(2 * frameLength + 7)
  expect(verified()).toBe(written)
})
