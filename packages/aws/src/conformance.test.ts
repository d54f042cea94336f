import { CreateAliasCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { KeyProvider } from '@keyfold/core'
import { type Capability, type FailureKind, type KeyProviderSubject, keyProviderCases } from '@keyfold/core/conformance'
import { type FaultProxy, startFaultProxy } from '@keyfold/testing/fault-proxy'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { createKey, type KmsServer, kmsServers } from './kms-servers.test-support.ts'
import { type KmsStub, kmsClient, account as madeUp, region, startKmsStub } from './kms-stub.test-support.ts'

/** How the service says each failure, by name. */
const failures: Readonly<Record<FailureKind, { readonly __type: string }>> = {
  denied: { __type: 'AccessDeniedException' },
  unauthenticated: { __type: 'UnrecognizedClientException' },
  missing: { __type: 'NotFoundException' },
  disabled: { __type: 'DisabledException' },
  throttled: { __type: 'ThrottlingException' },
  unavailable: { __type: 'KMSInternalException' },
}

/** A key as configured, behind a client. */
type KeyThrough = (client: KMSClient) => KeyProvider

/** Whatever the alias leads to: only the service knows, and an entry of another key of the Region is its to refuse. */
const aliasExclusions = {
  "accepts no other key's entries":
    'an alias takes every entry of its Region, and the service refuses those of other keys',
}

describe.each(kmsServers)('AWS KMS as $name has it', ({ server, start, infidelities }) => {
  let running: KmsServer
  let silent: FaultProxy
  let client: KMSClient
  const arns: string[] = []
  const stubs: KmsStub[] = []

  beforeAll(async () => {
    if (server.state === 'skipped') return
    running = await start()
    silent = await startFaultProxy({ target: running.url })
    silent.fault({ kind: 'black-hole' })
    client = kmsClient(running.url)
    arns.push(await createKey(client), await createKey(client))
    await client.send(new CreateAliasCommand({ AliasName: 'alias/orders', TargetKeyId: arns[0] }))
  }, 100_000)
  afterAll(async () => {
    for (const one of [...stubs, silent, running]) await one?.[Symbol.asyncDispose]()
  })
  beforeEach(({ skip }) => {
    if (server.state === 'skipped') skip(server.line)
  })

  const arn = (at: number): string => arns[at] ?? ''
  const other = (): KeyProvider => awsKms(arn(1), { client })
  const expecting = (...capabilities: Capability[]) => ({
    expects: { bindsContext: true, authenticatesWriter: true, capabilities },
  })
  const whole = expecting('generateDataKey', 'wrapDataKey', 'unwrapDataKey', 'describe', 'close')
  const failing = async (kind: FailureKind, keyThrough: KeyThrough): Promise<KeyProvider> => {
    const stub = await startKmsStub()
    stubs.push(stub)
    stub.answer(failures[kind], { status: 400 })
    return keyThrough(stub.client())
  }
  /** The key behind a service that works, that never answers, and that refuses. */
  const behind = (keyThrough: KeyThrough) => ({
    provider: () => keyThrough(client),
    stalled: () => keyThrough(kmsClient(silent.url)),
    // The record's own keys.
    failures: Object.fromEntries(
      Object.keys(failures).map((kind) => [kind, () => failing(kind as FailureKind, keyThrough)]),
    ),
  })

  describe('by key ARN', () => {
    runCases({ ...behind((client) => awsKms(arn(0), { client })), other, ...whole }, {})
  })

  describe('by alias', () => {
    const keyThrough: KeyThrough = (client) => awsKms('alias/orders', { client, region })
    runCases({ ...behind(keyThrough), other, ...whole }, aliasExclusions)
  })

  describe('by discovery, which only opens', () => {
    const accounts = (): readonly string[] => [arn(0).split(':')[4] ?? madeUp]
    const keyThrough: KeyThrough = (client) =>
      awsKms.discovery({ partition: 'aws', accounts: accounts(), regions: [region], client })
    const counterpart = (): KeyProvider => awsKms(arn(0), { client })
    runCases(
      { ...behind(keyThrough), counterpart, other, ...expecting('unwrapDataKey', 'close') },
      {
        ...aliasExclusions,
        "opens no other key's entry": 'it opens every key’s in its bounds',
      },
    )
  })

  function runCases(subject: KeyProviderSubject, exclusions: Readonly<Record<string, string>>): void {
    const cases = keyProviderCases({ ...subject, exclusions: { ...infidelities, ...exclusions } })
    // spec: framework/aws-kms/aws-kms-keyring.md#interface/1
    // spec: framework/aws-kms/aws-kms-mrk-keyring.md#interface/1
    // spec: framework/aws-kms/aws-kms-discovery-keyring.md#interface/1
    for (const { name, skip, run } of cases) {
      test(name, async (context) => {
        if (skip !== undefined) context.skip(skip)
        await run()
      })
    }
  }
})
