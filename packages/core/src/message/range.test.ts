import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fileSource } from '../node/file-source.ts'
import { pattern } from '../pattern.test-support.ts'
import { setUp } from './fixtures.test-support.ts'
import { countingSource } from './range-source.test-support.ts'
import type { RangeSource } from './range-source.ts'
import { writeMessage } from './reference-writer.test-support.ts'

const { envelope, dataKey } = setUp(0x0478)
const context = { tenant: 't-42' }

/** Calls `use` with the bytes as every kind of source there is. */
async function asEverySource(
  bytes: Uint8Array,
  use: (source: Uint8Array | Blob | RangeSource, kind: string) => Promise<void>,
): Promise<void> {
  await use(bytes, 'bytes')
  const padded = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')])
  await use(padded.subarray(6, 6 + bytes.length), 'a view with an offset')
  const around = new Blob(['before', Uint8Array.from(bytes), 'behind'])
  await use(around.slice(6, 6 + bytes.length), 'a Blob')
  await use(countingSource(bytes), 'a source of its own')
  const folder = await mkdtemp(join(tmpdir(), 'keyfold-'))
  try {
    await writeFile(join(folder, 'message'), bytes)
    await using file = await fileSource(join(folder, 'message'))
    await use(file, 'a file')
  } finally {
    await rm(folder, { recursive: true })
  }
}

const frameLength = 4
const cut = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / frameLength) }, (_, at) =>
    bytes.subarray(at * frameLength, (at + 1) * frameLength),
  )

describe('every range of a small message is that part of its plaintext', () => {
  async function showAll(sealed: Uint8Array, plaintext: Uint8Array): Promise<void> {
    await asEverySource(sealed, async (source, kind) => {
      await using reader = await envelope.openRange(source)
      expect(reader.length).toBe(plaintext.length)
      for (let start = 0; start <= plaintext.length; start++) {
        for (let end = start; end <= plaintext.length; end++) {
          const part = await reader.read(start, end)
          expect(part, `${start} to ${end} of ${kind}`).toEqual(plaintext.slice(start, end))
        }
      }
    })
  }

  test.each([0, 1, 3, 4, 5, 7, 8, 9, 12, 13])('of %i bytes in frames of 4', async (length) => {
    const plaintext = pattern(length)
    await showAll(await envelope.encrypt(plaintext, { frameLength }), plaintext)
  })

  test.each([4, 8, 12])(
    'of %i bytes, with an empty final frame behind them as Java and Python write it',
    async (length) => {
      const plaintext = pattern(length)
      const parts = [...cut(plaintext), new Uint8Array(0)]
      await showAll(writeMessage({ suite: 0x0478, dataKey, frameLength, parts }).bytes, plaintext)
    },
  )

  test.each([0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178])('in a message of version 1, suite %i', async (suite) => {
    const version1 = setUp(suite)
    const plaintext = pattern(10)
    const sealed = await version1.envelope.encrypt(plaintext, { suite, frameLength })
    for (let start = 0; start <= 10; start++) {
      for (let end = start; end <= 10; end++) {
        expect(await version1.envelope.decryptRange(sealed, { start, end })).toEqual(plaintext.slice(start, end))
      }
    }
  })

  test.each([0x0578, 0x0378, 0x0346, 0x0214])(
    'of a signed message, suite %i, whose signature is not read',
    async (suite) => {
      const signed = setUp(suite)
      const plaintext = pattern(10)
      const sealed = await signed.envelope.encrypt(plaintext, { suite, frameLength })
      for (let start = 0; start <= 10; start++) {
        const part = await signed.envelope.decryptRange(sealed, { start, end: 10, ignoreSignature: true })
        expect(part).toEqual(plaintext.slice(start))
      }
    },
  )
})

test('decryptRange gives what a reader gives, from every kind of source', async () => {
  const plaintext = pattern(50)
  await asEverySource(await envelope.encrypt(plaintext, { frameLength: 16, context }), async (source) => {
    expect(await envelope.decryptRange(source, { start: 15, end: 33, context })).toEqual(plaintext.slice(15, 33))
    expect(await envelope.decryptRange(source, { start: 50, end: 50 })).toEqual(new Uint8Array(0))
  })
})

test('a range of some thousand tiny frames is whole', async () => {
  const plaintext = pattern(3_000)
  const sealed = await envelope.encrypt(plaintext, { frameLength: 1 })
  expect(await envelope.decryptRange(sealed, { start: 1, end: 2_999 })).toEqual(plaintext.slice(1, 2_999))
})

test('reads side by side do not disturb each other', async () => {
  const plaintext = pattern(1000)
  const sealed = await envelope.encrypt(plaintext, { frameLength: 64 })
  // Each answer takes another number of turns, so that later ones overtake earlier ones.
  let turns = 0
  const source = countingSource(sealed, async (bytes) => {
    turns += 7
    for (let left = turns % 11; left > 0; left--) await undefined
    return bytes
  })
  await using reader = await envelope.openRange(source)
  const starts = Array.from({ length: 100 }, (_, at) => at * 9)
  const parts = await Promise.all(starts.map((start) => reader.read(start, start + 100)))
  for (const [at, start] of starts.entries()) expect(parts[at]).toEqual(plaintext.slice(start, start + 100))
})

test('a reader tells what decrypt tells of a message, and what stands in its header', async () => {
  const pairs = { tenant: 't-42', hidden: 'h' }
  const sealed = await envelope.encrypt(pattern(9), { frameLength, context: pairs, withheld: ['hidden'] })
  await using reader = await envelope.openRange(sealed, { context: pairs, withheld: ['hidden'] })
  const { header } = reader
  expect({ ...header.context }).toEqual(pairs)
  expect(Object.isFrozen(header.context)).toBe(true)
  expect(header.withheld).toEqual(['hidden'])
  expect(header.openedBy).toEqual({ name: 'spy', providerId: 'spy', authenticatesWriter: true })
  expect([header.suite, header.signed, header.frameLength]).toEqual([0x0478, false, frameLength])
  expect(header.headerLength).toBe(sealed.length - (9 + 2 * 32 + 40))
})
