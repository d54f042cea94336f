import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLocalKey, localKeys, parseKeyFile, rotateLocalKey } from '../local/index.ts'
import { openFileText, sealedFileText } from '../local/key-file.test-support.ts'
import { rawAes } from '../raw/raw-aes.ts'
import { rawRsa } from '../raw/raw-rsa.ts'
import { randomBytes } from './bench.ts'
import { type Capability, type ConformanceCase, type KeyProviderSubject, keyProviderCases } from './index.ts'
import { failures, soundKey, subjectOf } from './sound.test-support.ts'

const both = ['wrapDataKey', 'unwrapDataKey'] as const

function testAll(subject: KeyProviderSubject): void {
  for (const { name, skip, run } of keyProviderCases(subject)) {
    if (skip === undefined) test(name, run)
  }
}

describe.each([16, 24, 32])('a raw AES key of %i bytes', (length) => {
  const keyOf = (name: string) => {
    const key = rawAes({ namespace: 'ns', name, key: randomBytes(length) })
    return () => key
  }
  const expects = { bindsContext: true, authenticatesWriter: true, capabilities: both }
  testAll({ provider: keyOf('mine'), other: keyOf('other'), expects })
})

describe.each(['pkcs1', 'oaep-sha1', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'] as const)(
  'a raw RSA key with %s',
  (padding) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const mine = { namespace: 'ns', name: 'mine', padding }
    const other = { namespace: 'ns', name: 'other', padding, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }
    const disguisesRefusals = padding === 'pkcs1'
    const pair = () => rawRsa({ ...mine, publicKey, privateKey })
    const seals = () => rawRsa({ ...mine, publicKey })
    const opens = () => rawRsa({ ...mine, privateKey })

    const expecting = (...capabilities: Capability[]) => ({
      other: () => rawRsa(other),
      disguisesRefusals,
      expects: { bindsContext: false, authenticatesWriter: false, capabilities },
    })

    describe('that seals and opens', () => testAll({ provider: pair, ...expecting(...both) }))
    describe('that only seals', () => testAll({ provider: seals, counterpart: opens, ...expecting('wrapDataKey') }))
    describe('that only opens', () => testAll({ provider: opens, counterpart: seals, ...expecting('unwrapDataKey') }))
    describe('that only seals, by itself', () => testAll({ provider: seals, disguisesRefusals }))
    describe('that only opens, by itself', () => testAll({ provider: opens, disguisesRefusals }))
  },
)

describe('keys of a key file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-conformance-'))
  const path = join(folder, 'keys.json')
  beforeAll(async () => {
    await createLocalKey(path, { name: 'mine' })
    await createLocalKey(path, { name: 'other' })
    await rotateLocalKey(path, { name: 'mine' })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  describe('by its path', () => {
    testAll({ provider: () => localKeys(path, { name: 'mine' }), other: () => localKeys(path, { name: 'other' }) })
  })

  describe('by its text', () => {
    const text = openFileText({ mine: 2, other: 1 })
    const keyOf = (name: string) => () => parseKeyFile(text, { name })
    testAll({ provider: keyOf('mine'), other: keyOf('other') })
  })

  describe('by its text, with a passphrase', () => {
    const passphrase = 'correct horse battery staple'
    const keyOf = (name: string) => async () =>
      parseKeyFile(await sealedFileText({ mine: 2, other: 1 }, passphrase), { name, passphrase })
    testAll({ provider: keyOf('mine'), other: keyOf('other') })
  })
})

describe.each([
  ['all methods', {}],
  ['no generateDataKey', { generateDataKey: undefined }],
  ['no wrapDataKey', { wrapDataKey: undefined }],
  ['no unwrapDataKey', { unwrapDataKey: undefined }],
  ['neither describe nor close', { describe: undefined, close: undefined }],
])('a key that has %s', (_, lacks) => testAll({ ...subjectOf(() => lacks), other: () => soundKey('other') }))

describe('the cases', () => {
  const excluded = 'works with a large context'

  test('have names that are told apart, and make no provider before they are run', () => {
    const provider = (): never => {
      throw new Error('too early')
    }
    const names = keyProviderCases({ provider }).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  test('fail where the provider cannot be made', async () => {
    const [first] = keyProviderCases({ provider: () => Promise.reject(new Error('no key here')) })
    await expect(first?.run()).rejects.toThrow('no key here')
  })

  test('are the same for every subject, so that an exclusion can be written down', () => {
    const namesOf = (subject: KeyProviderSubject) => keyProviderCases(subject).map(({ name }) => name)
    const { provider } = subjectOf()
    expect(namesOf({ provider })).toEqual(namesOf({ ...subjectOf(), failures: failures() }))
  })

  test('are skipped with a reason where the subject lacks what they need, or excludes them', async () => {
    const { provider } = subjectOf(() => ({ wrapDataKey: undefined, generateDataKey: undefined, accepts: undefined }))
    const skipped = keyProviderCases({ provider, exclusions: { [excluded]: 'the service has a limit' } }).filter(
      ({ skip }) => skip !== undefined,
    )
    expect(Object.fromEntries(skipped.map(({ name, skip }) => [name, skip]))).toMatchObject({
      [excluded]: 'the service has a limit',
      "opens no other key's entry": 'the subject has no other()',
      'declares what is expected of it': 'the subject has no expects',
      'ends a call that its service never answers once its signal is aborted': 'the subject has no stalled()',
      'fails with ACCESS_DENIED where access is denied': 'the subject has no failures.denied',
    })
    expect(skipped).toHaveLength(1 + 3 + 2 + 6)
    await Promise.all(skipped.map(({ run }: ConformanceCase) => run()))
  })

  test.each([
    ['a name that no case has', { 'works with a big context': 'why not' }],
    ['a name from the prototype', { toString: 'why not' }],
    ['no reason', { [excluded]: ' ' }],
  ])('refuse to exclude %s', (_, exclusions) => {
    const { provider } = subjectOf()
    expect(() => keyProviderCases({ provider, exclusions })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
