import { CreateAliasCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { KeyProvider } from '@keyfold/core'
import { type FailureKind, type KeyProviderSubject, keyProviderCases } from '@keyfold/core/conformance'
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

const expects = { bindsContext: true, authenticatesWriter: true } as const

/** Whatever the alias leads to: only the service knows, and an entry of another key of the Region is its to refuse. */
const aliasExclusions = {
  "accepts no other key's entries":
    'an alias takes every entry of its Region, and the service refuses those of other keys',
}

describe.each(kmsServers)('AWS KMS as $name has it', ({ server, start, infidelities }) => {
  let running: KmsServer
  let client: KMSClient
  const arns: string[] = []
  const stubs: KmsStub[] = []

  beforeAll(async () => {
    if (server.state === 'skipped') return
    running = await start()
    client = kmsClient(running.url)
    arns.push(await createKey(client), await createKey(client))
    await client.send(new CreateAliasCommand({ AliasName: 'alias/orders', TargetKeyId: arns[0] }))
  }, 100_000)
  afterAll(async () => {
    for (const one of [...stubs, running]) await one?.[Symbol.asyncDispose]()
  })
  beforeEach(({ skip }) => {
    if (server.state === 'skipped') skip(server.line)
  })

  const arn = (at: number): string => arns[at] ?? ''
  const other = (): KeyProvider => awsKms(arn(1), { client })
  const failing = async (kind: FailureKind, key: string): Promise<KeyProvider> => {
    const stub = await startKmsStub()
    stubs.push(stub)
    stub.answer(failures[kind], { status: 400 })
    return awsKms(key, { client: stub.client() })
  }
  const failuresOf = (key: () => string): NonNullable<KeyProviderSubject['failures']> =>
    Object.fromEntries(Object.keys(failures).map((kind) => [kind, () => failing(kind as FailureKind, key())])) // the record's own keys

  describe('by key ARN', () => {
    runCases({ provider: () => awsKms(arn(0), { client }), other, failures: failuresOf(() => arn(0)) }, {})
  })

  describe('by alias', () => {
    runCases(
      { provider: () => awsKms('alias/orders', { client, region }), other, failures: failuresOf(() => 'alias/orders') },
      aliasExclusions,
    )
  })

  describe('by discovery, which only opens', () => {
    const accounts = (): readonly string[] => [arn(0).split(':')[4] ?? madeUp]
    const provider = (): KeyProvider =>
      awsKms.discovery({ partition: 'aws', accounts: accounts(), regions: [region], client })
    const counterpart = (): KeyProvider => awsKms(arn(0), { client })
    runCases(
      { provider, counterpart, other },
      {
        ...aliasExclusions,
        "opens no other key's entry": 'it opens every key’s in its bounds',
      },
    )
  })

  function runCases(subject: KeyProviderSubject, exclusions: Readonly<Record<string, string>>): void {
    const cases = keyProviderCases({ ...subject, expects, exclusions: { ...infidelities, ...exclusions } })
    // spec: framework/aws-kms/aws-kms-keyring.md#interface/1
    // spec: framework/aws-kms/aws-kms-mrk-keyring.md#interface/1
    // spec: framework/aws-kms/aws-kms-discovery-keyring.md#interface/1
    for (const { name, skip, run } of cases) if (skip === undefined) test(name, run)
  }
})
