import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { availableServer } from './availability.ts'
import type { Peer } from './peer.ts'
import { startPythonPeer } from './python-peer.ts'
import { pythonSdk } from './servers.ts'

const python = await availableServer(pythonSdk)
const request = {
  ciphertext: new Uint8Array(3),
  commitmentPolicy: 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
  keyring: { type: 'raw-aes', namespace: 'n', name: 'k', key: Buffer.alloc(32).toString('base64') },
} as const

let folder: string
beforeEach(async ({ skip }) => {
  if (python.state === 'skipped') skip(python.line)
  folder = await mkdtemp(join(tmpdir(), 'keyfold-peer-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('answers a refusal with its type and message, and goes on', async () => {
  await using peer = await start()
  expect(peer.name).toBe('aws-encryption-sdk 4.0.7 (Python)')
  await expect(peer.decrypt(request)).rejects.toMatchObject({ name: 'PeerError', type: 'NotSupportedError' })
  const unknown = { ...request, commitmentPolicy: 'NONE' as 'FORBID_ENCRYPT_ALLOW_DECRYPT' } // a policy that is none
  await expect(peer.decrypt(unknown)).rejects.toMatchObject({ type: 'KeyError' })
  await expect(peer.decrypt(request)).rejects.toMatchObject({ type: 'NotSupportedError' })
})

it('answers requests that were made at once, each with its own', async () => {
  await using peer = await start()
  const messages = await Promise.all([1, 2, 3].map((byte) => peer.encrypt(encryption(byte))))
  const opened = await Promise.all(messages.map((ciphertext) => peer.decrypt({ ...request, ciphertext })))
  expect(opened.map(({ plaintext }) => [...plaintext])).toEqual([[1], [2], [3]])
})

it('fails at the start when the program dies there', async () => {
  await expect(start("raise SystemExit('no such library')")).rejects.toMatchObject({
    type: 'ProcessDied',
    message: expect.stringContaining('no such library'),
  })
})

it('fails every request that waits when the process dies, and its disposal', async () => {
  const peer = await start(`${FIRST_ANSWER}; sys.stdin.readline(); sys.exit(3)`)
  const both = await Promise.allSettled([peer.decrypt(request), peer.decrypt(request)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(peer.decrypt(request)).rejects.toMatchObject({ type: 'ProcessDied' })
  await expect(Promise.resolve(peer[Symbol.asyncDispose]())).rejects.toThrow('code 3')
})

it('does not wait for ever for an answer', async () => {
  await using peer = await start(`${FIRST_ANSWER}; sys.stdin.read()`, 1000)
  await expect(peer.decrypt(request)).rejects.toMatchObject({ type: 'Timeout' })
  await expect(peer.decrypt(request)).rejects.toMatchObject({ type: 'Timeout' })
})

it('takes no line for an answer that is none', async () => {
  await using peer = await start(`${FIRST_ANSWER}; sys.stdin.readline(); print('hello', flush=True); sys.stdin.read()`)
  await expect(peer.decrypt(request)).rejects.toMatchObject({ type: 'Protocol' })
})

const FIRST_ANSWER =
  'import sys, json; r = json.loads(sys.stdin.readline()); ' +
  "print(json.dumps({'id': r['id'], 'aws-encryption-sdk': '0'}), flush=True)"

async function start(code?: string, timeoutMs = 30_000): Promise<Peer> {
  if (python.state === 'skipped') throw new Error(python.line)
  if (code === undefined) return startPythonPeer(python)
  const script = join(folder, 'peer.py')
  await writeFile(script, code)
  return startPythonPeer({ executable: python.executable, script, timeoutMs })
}

function encryption(byte: number): Parameters<Peer['encrypt']>[0] {
  const { keyring, commitmentPolicy } = request
  return { plaintext: Uint8Array.of(byte), suite: '0478', frameLength: 128, context: {}, keyring, commitmentPolicy }
}
