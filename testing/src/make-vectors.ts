import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableServer } from './availability.ts'
import { javascriptPeer } from './javascript-peer.ts'
import type { Peer } from './peer.ts'
import { startPythonPeer } from './python-peer.ts'
import { pythonSdk } from './servers.ts'
import { policyFor } from './suites.ts'
import { makeTestKeys } from './test-keys.ts'
import type { PlannedVector } from './vector-plan.ts'
import { planVectors } from './vector-plan.ts'
import type { StoredVector, TestKeys } from './vectors.ts'
import { readTestKeys, seededBytes, seededPlaintext, VECTORS_FOLDER } from './vectors.ts'

const MAX_SIGNED_32 = 2_147_483_647

// `node src/make-vectors.ts`: lets both peers write their vectors. What is frozen stays: a file that exists is left as it
// is, and a new version of a peer writes a new file, under the same test keys.
const python = await availableServer(pythonSdk, { install: 'always' })
if (python.state === 'skipped') throw new Error(python.line)
await using pythonPeer = await startPythonPeer(python)
await using nodePeer = javascriptPeer()
await mkdir(VECTORS_FOLDER, { recursive: true })
await writeOnce('test-keys.json', async () => makeTestKeys())
const keys = await readTestKeys()
const peers = [pythonPeer, nodePeer]
for (const producer of peers) {
  await writeOnce(`${slug(producer.name)}.json`, async () => ({
    producer: producer.name,
    vectors: await writeAll(producer, peers, keys),
  }))
}

async function writeAll(producer: Peer, readers: readonly Peer[], keys: TestKeys): Promise<StoredVector[]> {
  const stored: StoredVector[] = []
  for (const planned of planVectors(producer)) stored.push(await write(producer, readers, keys, planned))
  return stored
}

/** Writes the message, and freezes it only when every implementation that can read it does. */
async function write(
  producer: Peer,
  readers: readonly Peer[],
  keys: TestKeys,
  planned: PlannedVector,
): Promise<StoredVector> {
  const { length, ...row } = planned
  const keyring = keys.keyrings[row.keyring]
  if (keyring === undefined) throw new Error(`${row.name}: no keyring ${row.keyring}`)
  const plaintext = seededBytes(row.name, length)
  const commitmentPolicy = policyFor(row.suite)
  const requiredContextKeys = Object.keys(row.withheld ?? {})
  const context = Object.fromEntries([...Object.entries(row.context), ...Object.entries(row.withheld ?? {})])
  const ciphertext = await producer.encrypt({
    ...row,
    plaintext,
    context,
    commitmentPolicy,
    keyring,
    requiredContextKeys,
  })
  for (const reader of readers) {
    if (row.withheld !== undefined && !reader.supports('withheld-context')) continue
    if (row.frameLength > MAX_SIGNED_32 && !reader.supports('frames-over-2-gib')) continue
    const opened = await reader.decrypt({ ciphertext, commitmentPolicy, keyring, context, requiredContextKeys })
    if (Buffer.compare(opened.plaintext, plaintext) !== 0) throw new Error(`${reader.name} read "${row.name}" wrongly`)
  }
  return {
    ...row,
    plaintext: seededPlaintext(row.name, length),
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  }
}

async function writeOnce(name: string, make: () => Promise<unknown>): Promise<void> {
  const url = new URL(name, VECTORS_FOLDER)
  if (existsSync(url)) {
    console.log(`${name} is frozen already`)
    return
  }
  await writeFile(url, `${JSON.stringify(await make(), undefined, 2)}\n`, { flag: 'wx' })
  console.log(`wrote ${name}`)
}

/** `@aws-crypto/client-node 5.0.2` → `aws-crypto-client-node-5.0.2` */
function slug(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
