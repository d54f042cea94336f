/*
 * Recorded errors go through AWS's own client into the table of errors; recorded answers are held against the two servers.
 */
import type { ErrorCode } from '@keyfold/core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { awsKms } from './aws-kms.ts'
import { type KmsServer, kmsServers } from './kms-servers.test-support.ts'
import { bound, entryOf, type KmsStub, keyArn, startKmsStub, unhurried } from './kms-stub.test-support.ts'
import { type RecordedAnswer, recordedAnswers, recordingsMissing } from './recorded.test-support.ts'
import { notComparable, unlikeTheService } from './replay-exceptions.test-support.ts'
import { type Replay, replayBench, replays } from './replays.test-support.ts'

const recorded = recordedAnswers()
const used = ['GenerateDataKey', 'Encrypt', 'Decrypt', 'DescribeKey', 'GetKeyRotationStatus']

const codes: Readonly<Record<string, ErrorCode>> = {
  AccessDeniedException: 'ACCESS_DENIED',
  DisabledException: 'KEY_DISABLED',
  DryRunOperationException: 'UNKNOWN', // nothing here asks for a dry run
  IncorrectKeyException: 'AUTHENTICATION_FAILED',
  InvalidCiphertextException: 'AUTHENTICATION_FAILED',
  InvalidKeyUsageException: 'INVALID_ARGUMENT',
  KMSInvalidStateException: 'KEY_DISABLED',
  LimitExceededException: 'LIMIT_EXCEEDED',
  NotFoundException: 'KEY_NOT_FOUND',
  UnsupportedOperationException: 'UNSUPPORTED',
  ValidationException: 'INVALID_ARGUMENT',
}

describe('a recorded error', () => {
  let stub: KmsStub
  beforeEach(async ({ skip }) => {
    if (recordingsMissing !== undefined) skip(recordingsMissing)
    stub = await startKmsStub()
    return () => stub[Symbol.asyncDispose]()
  })

  it.each(errorsOf(recorded))('has its code: $operation, $code, of $name', async ({ status, body, code = '' }) => {
    stub.answer(body, { status })
    const key = awsKms(keyArn('k-1'), { client: stub.client() })
    const opening = key.unwrapDataKey?.({ entry: entryOf(keyArn('k-1')), length: 32, ...bound() }, unhurried())
    await expect(opening).rejects.toMatchObject({ code: codes[code], retryable: false })
    expect(stub.calls).toHaveLength(1)
  })
})

describe.each(kmsServers)('$name answers as the service was recorded to', ({ name: server, server: found, start }) => {
  let running: KmsServer
  beforeAll(async () => {
    if (found.state === 'located' && recordingsMissing === undefined) running = await start()
  }, 100_000)
  afterAll(() => running?.[Symbol.asyncDispose]())
  beforeEach(({ skip }) => {
    if (recordingsMissing !== undefined) skip(recordingsMissing)
    if (found.state === 'skipped') skip(found.line)
  })

  const answers = recorded.filter(({ operation, name }) => used.includes(operation) && !(name in notComparable))
  it.each(orNone(answers))('$operation: $name', async ({ name, code, body }) => {
    const { lacks, answers: otherwise } = unlikeTheService[server]
    const expected = code ?? fieldsOf(body).filter((field) => !lacks.includes(field))
    const seen = await outcomeOf(demandReplay(name), running)
    const reason = otherwise[name]
    // A server that has become right is to leave the list.
    if (reason !== undefined) expect(isLike(seen, expected), reason).toBe(false)
    else expect(seen).toEqual(isLike(seen, expected) ? seen : expected)
  })
})

it('has recordings for all that is replayed or left out', ({ skip }) => {
  if (recordingsMissing !== undefined) skip(recordingsMissing)
  const names = new Set(recorded.map(({ name }) => name))
  const unlike = Object.values(unlikeTheService).map(({ answers }) => answers)
  const lists = [replays, notComparable, ...unlike]
  expect(lists.flatMap((list) => Object.keys(list)).filter((name) => !names.has(name))).toEqual([])
})

type Fields = readonly string[]

/** The same error, or at least the fields that were recorded. */
function isLike(seen: string | Fields, expected: string | Fields): boolean {
  if (typeof seen === 'string' || typeof expected === 'string') return seen === expected
  return expected.every((field) => seen.includes(field))
}

/** What is read of an answer here, with the values that mean something. Some recordings have a description without its envelope. */
function fieldsOf(body: object): Fields {
  const { KeyMetadata = body } = body as { readonly KeyMetadata?: object } // as DescribeKey has it
  return Object.entries(KeyMetadata).flatMap(([name, value]) => {
    if (name === 'KeyId' && 'KeyRotationEnabled' in body) return ['KeyId of a rotation status']
    if (['KeyState', 'MultiRegion', 'KeyRotationEnabled'].includes(name)) return [`${name}: ${value}`]
    return ['Arn', 'CiphertextBlob', 'CurrentKeyMaterialId', 'KeyId', 'Plaintext'].includes(name) ? [name] : []
  })
}

async function outcomeOf(replay: Replay, server: KmsServer): Promise<string | Fields> {
  const bench = replayBench(server.url)
  try {
    return fieldsOf(await replay(bench))
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

function demandReplay(name: string): Replay {
  const replay = replays[name]
  if (replay === undefined)
    throw new Error(`no replay of ${name}: write one, or say in notComparable why there is none`)
  return replay
}

function errorsOf(answers: readonly RecordedAnswer[]): readonly RecordedAnswer[] {
  return orNone(answers.filter(({ code }) => code !== undefined))
}

/** Where there are no recordings, one test is there to be skipped. */
function orNone(answers: readonly RecordedAnswer[]): readonly RecordedAnswer[] {
  return recordingsMissing === undefined
    ? answers
    : [{ name: '(no recordings)', operation: '', status: 0, code: '', body: {} }]
}
