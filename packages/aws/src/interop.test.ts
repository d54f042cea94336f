/*
 * AWS's own SDKs and Keyfold open each other's messages under one key of AWS KMS, as moto has it: it answers both.
 */
import { anyOf, createEnvelope, type Envelope } from '@keyfold/core'
import { availableServer } from '@keyfold/testing/availability'
import { javascriptPeer } from '@keyfold/testing/javascript-peer'
import { type Moto, startMoto } from '@keyfold/testing/moto'
import type { AwsKmsKeyring, EncryptRequest, KeyringDescription, Peer, SuiteId } from '@keyfold/testing/peer'
import { startPythonPeer } from '@keyfold/testing/python-peer'
import { moto, pythonSdk } from '@keyfold/testing/servers'
import { policyFor, SUITES } from '@keyfold/testing/suites'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { createKey } from './kms-servers.test-support.ts'
import { kmsClient, region } from './kms-stub.test-support.ts'

const server = await availableServer(moto)
const python = await availableServer(pythonSdk)
const peers = new Map<string, Peer>()
const plaintext = new TextEncoder().encode('between implementations')
const context = { purpose: 'interop', 'ключ 😀': 'é', a: '1', A: '2' }

let aws: Moto
let arns: readonly string[] = []
beforeAll(async () => {
  if (server.state === 'skipped') return
  aws = await startMoto(server)
  const client = kmsClient(aws.url)
  arns = [await createKey(client), await createKey(client)]
  peers.set('JavaScript', javascriptPeer())
  if (python.state === 'located') peers.set('Python', await startPythonPeer(python))
}, 60_000)
afterAll(async () => {
  for (const one of [...peers.values(), aws]) await one?.[Symbol.asyncDispose]()
})

describe.each(['JavaScript', 'Python'])('Keyfold and AWS’s SDK for %s', (name) => {
  beforeEach(({ skip }) => {
    if (server.state === 'skipped') skip(server.line)
    if (python.state === 'skipped' && name === 'Python') skip(python.line)
  })

  it.each(SUITES)('open each other’s messages of suite %s', async (suite) => {
    const request = requestFor(suite, keyringOf(0))
    const ours = await envelopeFor(suite).encrypt(plaintext, { context, suite: Number.parseInt(suite, 16) })
    const theirs = await peer(name).encrypt(request)
    const opened = await peer(name).decrypt({ ...request, ciphertext: ours })
    expect(Buffer.from(opened.plaintext)).toEqual(Buffer.from(plaintext))
    expect(opened.context).toMatchObject(context)
    const { plaintext: again, openedBy } = await envelopeFor(suite).decrypt(theirs, { context })
    expect(Buffer.from(again)).toEqual(Buffer.from(plaintext))
    expect(openedBy.providerId).toBe('aws-kms')
  })

  it('open each other’s messages of several recipients, by each of them', async () => {
    const several: KeyringDescription = { type: 'multi', generator: keyringOf(0), children: [keyringOf(1)] }
    const request = requestFor('0478', several)
    const [first, second] = [keyOf(0), keyOf(1)]
    const ours = await createEnvelope({ keys: anyOf(first, second) }).encrypt(plaintext, { context })
    const theirs = await peer(name).encrypt(request)
    for (const at of [0, 1]) {
      const opened = await peer(name).decrypt({ ...request, keyring: keyringOf(at), ciphertext: ours })
      expect(Buffer.from(opened.plaintext)).toEqual(Buffer.from(plaintext))
      const { plaintext: again } = await createEnvelope({ keys: keyOf(at) }).decrypt(theirs)
      expect(Buffer.from(again)).toEqual(Buffer.from(plaintext))
    }
  })

  it('open each other’s messages by a bare key id and by discovery', async () => {
    const theirs = await peer(name).encrypt(requestFor('0478', keyringOf(0)))
    const accounts = [arns[0]?.split(':')[4] ?? '']
    const discovered = awsKms.discovery({ partition: 'aws', accounts, regions: [region], client: kmsClient(aws.url) })
    for (const keys of [discovered, awsKms(arns[0]?.split('/')[1] ?? '', { client: kmsClient(aws.url), region })]) {
      expect(Buffer.from((await createEnvelope({ keys }).decrypt(theirs)).plaintext)).toEqual(Buffer.from(plaintext))
    }
  })
})

function requestFor(suite: SuiteId, keyring: KeyringDescription): EncryptRequest {
  return { plaintext, suite, frameLength: 128, context, keyring, commitmentPolicy: policyFor(suite) }
}

function envelopeFor(suite: SuiteId): Envelope {
  const commits = policyFor(suite).startsWith('REQUIRE')
  const commitmentPolicy = commits ? 'require-encrypt-require-decrypt' : 'forbid-encrypt-allow-decrypt'
  return createEnvelope({ keys: keyOf(0), commitmentPolicy })
}

function keyOf(at: number): ReturnType<typeof awsKms> {
  return awsKms(arns[at] ?? '', { client: kmsClient(aws.url) })
}

function keyringOf(at: number): AwsKmsKeyring {
  return { type: 'aws-kms', keyId: arns[at] ?? '', region, endpoint: aws.url }
}

function peer(name: string): Peer {
  const found = peers.get(name)
  if (found === undefined) throw new Error(`no peer ${name}`)
  return found
}
