import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import { javascriptPeer } from './javascript-peer.ts'
import type { Peer } from './peer.ts'
import { startPythonPeer } from './python-peer.ts'
import { pythonSdk } from './servers.ts'
import { policyFor, SUITES } from './suites.ts'
import type { Vector } from './vectors.ts'
import { readVectors } from './vectors.ts'

const vectors = await readVectors()
const python = await availableServer(pythonSdk)

it('every suite has a vector of each producer', () => {
  const producers = new Set(vectors.map(({ producer }) => producer))
  expect([...producers].sort()).toEqual(['@aws-crypto/client-node 5.0.2', 'aws-encryption-sdk 4.0.7 (Python)'])
  for (const producer of producers) {
    const own = vectors.filter((vector) => vector.producer === producer)
    expect(new Set(own.map(({ suite }) => suite))).toEqual(new Set(SUITES))
    expect(new Set(own.map(({ name }) => name)).size).toBe(own.length)
  }
})

it('a vector begins with the format version and the suite that it says', () => {
  for (const { name, suite, ciphertext } of vectors) {
    const start = Buffer.from(ciphertext.subarray(0, 4)).toString('hex')
    const committing = suite.endsWith('478') || suite.endsWith('578')
    expect(start.slice(0, 8), name).toMatch(committing ? new RegExp(`^02${suite}`) : new RegExp(`^0180${suite}`))
  }
})

describe('opens the vectors of both', () => {
  it('in JavaScript', async () => {
    await using peer = javascriptPeer()
    await openAll(peer)
  })

  describe('in Python', () => {
    let peer: Peer | undefined
    beforeAll(async () => {
      if (python.state === 'located') peer = await startPythonPeer(python)
    })
    afterAll(() => peer?.[Symbol.asyncDispose]())
    beforeEach(({ skip }) => {
      if (python.state === 'skipped') skip(python.line)
    })

    it('all', async () => {
      if (peer !== undefined) await openAll(peer)
      expect(peer).toBeDefined()
    })
  })
})

async function openAll(peer: Peer): Promise<void> {
  for (const vector of vectors.filter((candidate) => reads(peer, candidate))) {
    const { ciphertext, keyring, suite, withheld = {} } = vector
    const requiredContextKeys = Object.keys(withheld)
    const given = requiredContextKeys.length === 0 ? {} : { context: withheld, requiredContextKeys }
    const opened = await peer.decrypt({ ciphertext, keyring, commitmentPolicy: policyFor(suite), ...given })
    expect(Buffer.compare(opened.plaintext, vector.plaintext), vector.name).toBe(0)
    for (const [key, value] of Object.entries(vector.context)) expect(opened.context[key], vector.name).toBe(value)
  }
}

function reads(peer: Peer, { withheld, frameLength }: Vector): boolean {
  if (withheld !== undefined && !peer.supports('withheld-context')) return false
  return frameLength <= 2_147_483_647 || peer.supports('frames-over-2-gib')
}
