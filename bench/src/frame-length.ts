import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createEnvelope, rawAes } from '@keyfold/core'
import Table from 'cli-table3'
import { context, key, mebibyte, name, namespace } from './fixtures.ts'
import { floorChunks } from './floor.ts'
import { median, speedAgainst, takeTurns, warmUp } from './measure.ts'
import { type Contender, demandSame } from './work.ts'

/*
 * Which frame length a message should have by default: longer frames seal faster, and make whoever wants a part of the
 * plaintext read and open more of it.
 */

const frameLengths = [4, 8, 16, 32, 64, 128, 256, 512, 1024].map((kibibytes) => kibibytes * 1024)
const sizes = [
  { name: '1 MiB', plaintext: mebibyte },
  { name: '64 MiB', plaintext: new Uint8Array(randomBytes(2 ** 26)) },
]
const rangeLength = 64 * 1024
/** Sequence number, iv and tag. */
const frameOverhead = 4 + 12 + 16

const envelope = createEnvelope({ keys: rawAes({ namespace, name, key }) })

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } })
const rounds = Number(values.rounds)
if (!(Number.isInteger(rounds) && rounds >= 3)) throw new Error('--rounds: at least 3')

for (const { name: size, plaintext } of sizes) {
  console.error(`${size}: ${frameLengths.length} frame lengths, ${rounds} rounds`)
  const table = new Table({ head: [size, 'encrypt', '× bare', 'decrypt', '× bare'], style: { head: [], border: [] } })
  for (const frameLength of frameLengths) {
    table.push([
      kibibytes(frameLength),
      ...(await encryptCells(plaintext, frameLength)),
      ...(await decryptCells(plaintext, frameLength)),
    ])
  }
  console.log(table.toString())
}
console.log(rangeTable().toString())

function encryptCells(plaintext: Uint8Array, frameLength: number): Promise<readonly string[]> {
  const ours: Contender = {
    run: () => envelope.encrypt(plaintext, { context, frameLength }),
    check: async (message) => demandSame((await envelope.decrypt(message as Uint8Array)).plaintext, plaintext), // run's own
  }
  return cells(plaintext.length, ours, floorChunks(plaintext, frameLength).seal)
}

async function decryptCells(plaintext: Uint8Array, frameLength: number): Promise<readonly string[]> {
  const message = await envelope.encrypt(plaintext, { context, frameLength })
  const ours: Contender = {
    run: () => envelope.decrypt(message, { context }),
    check: (opened) => demandSame((opened as { plaintext: Uint8Array }).plaintext, plaintext), // run's own
  }
  return cells(plaintext.length, ours, floorChunks(plaintext, frameLength).open)
}

async function cells(length: number, ours: Contender, floor: Contender): Promise<readonly string[]> {
  const samples = await takeTurns({ keyfold: await warmUp(ours), floor: await warmUp(floor) }, rounds)
  const megabytesPerSecond = length / 1e6 / median(samples.keyfold ?? [])
  return [`${megabytesPerSecond.toFixed(0)} MB/s`, speedAgainst(samples, 'floor')?.toFixed(2) ?? '–']
}

/** What has to be read to open a range that starts anywhere, without header and end. */
function rangeTable(): Table.Table {
  const table = new Table({ head: ['64 KiB range', 'frames', 'read', '× asked'], style: { head: [], border: [] } })
  for (const frameLength of frameLengths) {
    const frames = 1 + (rangeLength - 1) / frameLength // the mean over all starts
    const read = frames * (frameLength + frameOverhead)
    table.push([kibibytes(frameLength), frames.toFixed(1), kibibytes(read), (read / rangeLength).toFixed(1)])
  }
  return table
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`
}
