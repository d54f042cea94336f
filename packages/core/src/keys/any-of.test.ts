import { describe, expect, test } from 'vitest'
import { createEnvelope } from '../message/envelope.ts'
import { codeOf } from '../message/fixtures.test-support.ts'
import { anyOf } from './any-of.ts'
import { providerOf, wraps } from './doubles.test-support.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => providerOf(name, wraps(name))) as [
  ...ReturnType<typeof providerOf>[],
] // four of them
const names = (keyring: ReturnType<typeof anyOf>) => keyring.providers.map(({ name }) => name)

/** What plain JavaScript may pass. */
const any = anyOf as (...keys: unknown[]) => ReturnType<typeof anyOf>

describe('anyOf', () => {
  test('is the keys in the order given, one by one or as a list', () => {
    expect(names(any(c, a, b))).toEqual(['c', 'a', 'b'])
    expect(names(any([c, a, b]))).toEqual(['c', 'a', 'b'])
    expect(names(any(a))).toEqual(['a'])
  })

  test('flattens those within it, in place', () => {
    expect(names(any(a, any(b, any([c])), d))).toEqual(['a', 'b', 'c', 'd'])
    expect(names(any([any(d, c), b, any(a)]))).toEqual(['d', 'c', 'b', 'a'])
  })

  test('has each key once, where it first stands', () => {
    expect(names(any(a, b, a))).toEqual(['a', 'b'])
    expect(names(any(any(b, a), a, any(c, b)))).toEqual(['b', 'a', 'c'])
  })

  test('has two keys of the same name both', () => {
    expect(names(any(a, providerOf('a', wraps('a'))))).toEqual(['a', 'a'])
  })

  test('cannot be changed, not even through the list it was given', () => {
    const list = [a, b]
    const keyring = any(list)
    list.pop()
    expect(names(keyring)).toEqual(['a', 'b'])
    expect(Object.isFrozen(keyring) && Object.isFrozen(keyring.providers)).toBe(true)
  })

  // spec: framework/multi-keyring.md#inputs/1
  // spec: framework/multi-keyring.md#generator-keyring/3
  // spec: framework/multi-keyring.md#child-keyrings/1
  // spec: framework/default-cmm.md#initialization/1
  test('is of at least one key, and so is an envelope', async () => {
    expect(await codeOf(() => any())).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any([]))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => createEnvelope({} as never))).toBe('INVALID_ARGUMENT') // what plain JavaScript may pass
    expect(await codeOf(() => createEnvelope({ keys: { providers: [] } }))).toBe('INVALID_ARGUMENT')
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['text', 'awskms:///alias/x'],
    ['a number', 7],
    ['a function', () => a],
    ['an object without accepts', { name: 'x', providerId: 'x' }],
    ['an object without a provider id', { name: 'x', accepts: () => true }],
    ['bytes', new Uint8Array(32)],
    ['a promise of a key', Promise.resolve(a)],
    ['something that looks like a keyring', { providers: undefined }],
    ['a keyring of something else', { providers: [7] }],
  ])('is of keys alone: not of %s', async (_, key) => {
    expect(await codeOf(() => any(key))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any(a, key))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any([a, key]))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => createEnvelope({ keys: key as never }))).toBe('INVALID_ARGUMENT')
  })

  test('takes a list alone, and no options yet', async () => {
    expect(await codeOf(() => any(a, [b]))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any([a], { require: 1 }))).toBe('UNSUPPORTED')
    expect(names(any([a], undefined))).toEqual(['a'])
  })
})
