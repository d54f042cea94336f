import { createEnvelope } from '@keyfold/core'
import { decryptDuplex } from '@keyfold/core/node'
import { describe, expect, it } from 'vitest'
import { keysOf, policies } from './keyfold-peer.ts'
import { policyFor } from './suites.ts'
import { readVectors, type Vector } from './vectors.ts'

const vectors = await readVectors()
const small = 2000

/** The vector's message in chunks, through both kinds of streams. */
async function open(vector: Vector, chunkLength: number): Promise<readonly Buffer[]> {
  const { keyring, suite, withheld } = vector
  const envelope = createEnvelope({
    keys: keysOf(keyring),
    commitmentPolicy: policies[policyFor(suite)],
    limits: { maxFrameLength: Number.POSITIVE_INFINITY },
  })
  const options = withheld === undefined ? {} : { context: withheld, withheld: Object.keys(withheld) }
  const web = cut(vector.ciphertext, chunkLength).pipeThrough(envelope.decryptStream(options))
  const duplex = decryptDuplex(envelope, options)
  const [fromWeb, fromDuplex] = await Promise.allSettled([
    collect(web),
    collect(duplex),
    cut(vector.ciphertext, chunkLength).pipeTo(writableOf(duplex)),
  ])
  return [demandRead(fromWeb), demandRead(fromDuplex)]
}

function cut(bytes: Uint8Array, length: number): ReadableStream<Uint8Array> {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += length) chunks.push(bytes.subarray(at, at + length))
  return ReadableStream.from(chunks)
}

function writableOf(duplex: ReturnType<typeof decryptDuplex>): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (chunk) => new Promise((done, failed) => duplex.write(chunk, (error) => (error ? failed(error) : done()))),
    close: () => void duplex.end(),
  })
}

async function collect(output: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of output) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function demandRead(result: PromiseSettledResult<Buffer>): Buffer {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

describe('a vector opens through streams', () => {
  it.each(vectors.map((vector) => [`${vector.name}, by ${vector.producer}`, vector] as const))(
    '%s',
    async (_, vector) => {
      const { ciphertext, plaintext, context } = vector
      for (const chunkLength of [ciphertext.length, 997, ...(ciphertext.length <= small ? [1] : [])]) {
        const opening = open(vector, chunkLength)
        // The one thing that Keyfold refuses where the others do not: docs/wire-format.md.
        if (Object.hasOwn(context, '__proto__'))
          await expect(opening).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' })
        else for (const opened of await opening) expect(Buffer.compare(opened, plaintext)).toBe(0)
      }
    },
  )
})
