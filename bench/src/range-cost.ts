import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RangeSource } from '@keyfold/core'
import { encryptDuplex, fileSource } from '@keyfold/core/node'
import type { Count, Figure } from './figure.ts'
import { context } from './fixtures.ts'
import { defaultFrameLength, envelope } from './keyfold.ts'
import { demandSame } from './work.ts'

const length = 2 ** 30
const rangeLength = 64 * 1024

/** What is read of a sealed gibibyte, a real file, to open 64 KiB of it. */
export const rangeCost: Count = {
  name: '64 KiB range of 1 GiB',
  async figures() {
    const folder = await mkdtemp(join(tmpdir(), 'keyfold-bench-'))
    try {
      const path = join(folder, 'sealed')
      await pipeline(Readable.from(plaintext()), encryptDuplex(envelope, { context, length }), createWriteStream(path))
      return await countReads(path)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

/** Where in the plaintext a byte stands can be told from it and its neighbours. */
function byteAt(offset: number): number {
  return (offset ^ (offset >> 8) ^ (offset >> 16) ^ (offset >> 24)) & 0xff
}

function plaintextOf(start: number, end: number): Buffer {
  const bytes = Buffer.allocUnsafe(end - start)
  for (let at = start; at < end; at++) bytes[at - start] = byteAt(at)
  return bytes
}

function* plaintext(): Generator<Buffer, void> {
  for (let at = 0; at < length; at += 2 ** 16) yield plaintextOf(at, at + 2 ** 16)
}

/** The most of several ranges: within a frame, over the bound of two, at the start and at the end. */
async function countReads(path: string): Promise<readonly Figure[]> {
  const frameLength = await defaultFrameLength()
  const starts = [0, length / 2, length / 2 + frameLength - rangeLength / 2, length - rangeLength]
  let mostReads = 0
  let mostBytes = 0
  for (const start of starts) {
    const { reads, bytes } = await readRange(path, start)
    const frames = 1 + Math.floor((start + rangeLength - 1) / frameLength) - Math.floor(start / frameLength)
    mostReads = Math.max(mostReads, reads)
    mostBytes = Math.max(mostBytes, bytes / (frames * frameLength))
  }
  const name = 'a 64 KiB range of a 1 GiB file'
  return [
    { name: `${name}: reads`, value: mostReads, unit: '', target: 4 },
    { name: `${name}: bytes read, of those of the frames touched`, value: mostBytes, unit: '×', target: 3 },
  ]
}

async function readRange(path: string, start: number): Promise<{ readonly reads: number; readonly bytes: number }> {
  let reads = 0
  let bytes = 0
  await using file = await fileSource(path)
  const counted: RangeSource = {
    size: file.size,
    read(from, to, options) {
      reads += 1
      bytes += to - from
      return file.read(from, to, options)
    },
  }
  const range = await envelope.decryptRange(counted, { context, start, end: start + rangeLength })
  demandSame(range, plaintextOf(start, start + rangeLength))
  return { reads, bytes }
}
