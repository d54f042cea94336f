import { createRegistry, KeyfoldError, parseReference } from '@keyfold/core'
import { expect, test } from 'vitest'
import { gcp } from './adapter.ts'
import { cloudKms } from './cloud-kms.ts'
import { formatProviderInfo, versionOf } from './cloud-kms-name.ts'
import { parseKeyReference } from './reference.ts'

const name = 'projects/shop-1/locations/europe-west1/keyRings/main_1/cryptoKeys/Orders-1'
const codeOf = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return KeyfoldError.is(error) ? error.code : error
  }
}

test.each([
  name,
  'projects/123456789012/locations/global/keyRings/r/cryptoKeys/k',
  'projects/example.com:shop/locations/us/keyRings/r/cryptoKeys/k',
])('takes %s', (given) => {
  expect(cloudKms(given).name).toBe(given)
  expect(createRegistry([gcp()]).key(`gcpkms://${given}`).name).toBe(given)
  expect(createRegistry([gcp()]).key(`gcpkms:///${given}`).name).toBe(given)
})

const bad = [
  '',
  'orders',
  `${name}/`,
  `/${name}`,
  `${name}/cryptoKeyVersions/1`,
  `${name}/cryptoKeyVersions`,
  name.replace('Orders-1', '../sys/seal'),
  name.replace('Orders-1', 'a/b'),
  name.replace('Orders-1', '%2e%2e'),
  name.replace('Orders-1', '..'),
  name.replace('Orders-1', 'schlüssel'),
  name.replace('Orders-1', 'a:encrypt'),
  name.replace('Orders-1', 'a?x=1'),
  name.replace('Orders-1', 'a#b'),
  name.replace('Orders-1', `${'k'.repeat(64)}`),
  name.replace('Orders-1', 'a\n'),
  name.replace('shop-1', '..'),
  name.replace('shop-1', 'UPPER'),
  name.replace('europe-west1', 'Europe'),
  name.replace('main_1', 'mäin'),
  name.replace('cryptoKeys', 'importJobs'),
]

test.each(bad)('refuses %j as a name and in a reference', (given) => {
  expect(codeOf(() => cloudKms(given))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => createRegistry([gcp()]).key(`gcpkms:///${given}`))).toBe('INVALID_ARGUMENT')
})

test('an option in the wrong place is refused', () => {
  const misplaced: object = { client: {} }
  expect(codeOf(() => gcp(misplaced))).toBe('INVALID_ARGUMENT')
})

test('says of a version why it is refused', () => {
  expect(() => cloudKms(`${name}/cryptoKeyVersions/1`)).toThrow(/without a version/)
})

test('a reference may write a character of a name encoded, and has neither parameters nor a fragment', () => {
  expect(parseKeyReference(parseReference(`gcpkms://${name.replace('O', '%4F')}`))).toBe(name)
  expect(codeOf(() => parseKeyReference(parseReference(`gcpkms://${name}?location=us`)))).toBe('INVALID_ARGUMENT')
  expect(codeOf(() => parseKeyReference(parseReference(`gcpkms://${name}#field`)))).toBe('INVALID_ARGUMENT')
  // An encoded slash is no border of segments.
  expect(
    codeOf(() => parseKeyReference(parseReference(`gcpkms://${name.replace('/locations', '%2Flocations')}`))),
  ).toBe('INVALID_ARGUMENT')
})

test('accepts any version of its key, and nothing that only resembles one', () => {
  const key = cloudKms(name)
  const entry = (info: string | Uint8Array, providerId = 'gcp-kms') => ({
    providerId,
    providerInfo: typeof info === 'string' ? new TextEncoder().encode(info) : info,
    ciphertext: new Uint8Array(1),
  })
  expect(key.accepts(entry(formatProviderInfo(name, '1')))).toBe(true)
  expect(key.accepts(entry(formatProviderInfo(name, '999')))).toBe(true)
  for (const version of ['', '0', '01', '1/', '-1', '1 ', 'x', '1'.repeat(19)]) {
    expect(key.accepts(entry(`${name}/cryptoKeyVersions/${version}`)), version).toBe(false)
  }
  expect(key.accepts(entry(name))).toBe(false)
  expect(key.accepts(entry(`${name}2/cryptoKeyVersions/1`))).toBe(false)
  expect(key.accepts(entry(formatProviderInfo(name, '1'), 'aws-kms'))).toBe(false)
  expect(key.accepts(entry(new Uint8Array([0xff, ...formatProviderInfo(name, '1')])))).toBe(false)
  expect(key.accepts(entry(formatProviderInfo(name.replace('shop-1', '123'), '1')))).toBe(false)
})

test("reads a version out of an answer's name, whichever way the answer writes the project", () => {
  const number = name.replace('shop-1', '123456789012')
  expect(versionOf(name, `${name}/cryptoKeyVersions/7`)).toBe('7')
  expect(versionOf(name, `${number}/cryptoKeyVersions/7`)).toBe('7')
  expect(versionOf(number, `${name}/cryptoKeyVersions/7`)).toBe('7')
  for (const answer of [
    name,
    `${name}/cryptoKeyVersions/0`,
    `${name}/cryptoKeyVersions/7/cryptoKeyVersions/8`,
    `${name.replace('shop-1', 'shop-2')}/cryptoKeyVersions/7`,
    `${number.replace('Orders-1', 'Orders-2')}/cryptoKeyVersions/7`,
    `${number.replace('europe-west1', 'global')}/cryptoKeyVersions/7`,
  ]) {
    expect(versionOf(name, answer), answer).toBeUndefined()
  }
  expect(versionOf(number, `${number.replace('1234', '4321')}/cryptoKeyVersions/7`)).toBeUndefined()
})
