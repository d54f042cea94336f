import { describe, expect, test } from 'vitest'
import { createEnvelope } from '../message/envelope.ts'
import { codeOf } from '../refusal.test-support.ts'
import { anyOf } from './any-of.ts'
import { providerOf, unwraps, wraps } from './doubles.test-support.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => providerOf(name, wraps(name))) as [
  ...ReturnType<typeof providerOf>[],
] // four of them
const names = (keyring: ReturnType<typeof anyOf>) => keyring.providers.map(({ name }) => name)

/** What plain JavaScript may pass. */
const any = anyOf as (...keys: unknown[]) => ReturnType<typeof anyOf>

function cyclic(): object {
  const keyring = { providers: [] as unknown[] }
  keyring.providers.push(keyring)
  return keyring
}

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
    ['a keyring made by hand', { providers: [a] }],
    ['a copy of a keyring', { ...any(a) }],
    ['what inherits from a keyring', Object.create(any(a))],
    ['a keyring that is in itself', cyclic()],
  ])('is of keys alone: not of %s', async (_, key) => {
    expect(await codeOf(() => any(key))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any(a, key))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any([a, key]))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => createEnvelope({ keys: key as never }))).toBe('INVALID_ARGUMENT')
  })

  test('takes a list with options, or keys alone', async () => {
    expect(names(any([a], undefined))).toEqual(['a'])
    expect(names(any([a], {}))).toEqual(['a'])
    const list: unknown[] = []
    list.push(list)
    for (const args of [[a, [b]], [[a], b], [[a], any(b)], [[a], [b]], [[a], null], [[a], 7], [[a], {}, b], list]) {
      expect(await codeOf(() => any(...args))).toBe('INVALID_ARGUMENT')
    }
  })

  test('does not take a key of a class, whose methods are not its own, for options', async () => {
    expect(await codeOf(() => any([a], Object.create(b as object)))).toBe('INVALID_ARGUMENT')
    expect(names(any([a, Object.create(b as object)]))).toEqual(['a', 'b'])
  })
})

describe('the options of anyOf', () => {
  const opens = providerOf('opens', unwraps())
  const generates = providerOf('generates', { generateDataKey: () => Promise.reject(new Error('not asked')) })

  test.each([
    ["require 'all'", { require: 'all' }],
    ['require 1', { require: 1 }],
    ['require as many as can seal', { require: 2 }],
    ['no delay', { hedgeAfterMs: 0 }],
    ['a fraction of a millisecond', { hedgeAfterMs: 0.5 }],
    ['an endless delay', { hedgeAfterMs: Number.POSITIVE_INFINITY }],
    ['both', { require: 1, hedgeAfterMs: 50 }],
  ])('are kept: %s', (_, options) => {
    const keyring = any([a, opens, b], options)
    expect(keyring).toMatchObject(options)
    expect(createEnvelope({ keys: keyring })).toBeDefined()
  })

  test.each([
    ['require none', { require: 0 }],
    ['require more than can seal', { require: 3 }],
    ['require half a key', { require: 1.5 }],
    ['require NaN', { require: Number.NaN }],
    ['require without end', { require: Number.POSITIVE_INFINITY }],
    ['require as text', { require: '1' }],
    ['require another word', { require: 'any' }],
    ['require null', { require: null }],
    ['a delay below 0', { hedgeAfterMs: -1 }],
    ['a delay of NaN', { hedgeAfterMs: Number.NaN }],
    ['a delay as text', { hedgeAfterMs: '300' }],
    ['a delay of null', { hedgeAfterMs: null }],
    ['an option that is misspelt', { required: 1 }],
  ])('are refused: %s', async (_, options) => {
    expect(await codeOf(() => any([a, opens, b], options))).toBe('INVALID_ARGUMENT')
  })

  test('count one alone of those that only generate, since it cannot wrap what another made', async () => {
    expect(any([generates, a], { require: 2 }).require).toBe(2)
    expect(await codeOf(() => any([a, generates], { require: 2 }))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => any([opens], { require: 1 }))).toBe('INVALID_ARGUMENT')
    expect(any([opens], { require: 'all' }).require).toBe('all')
  })

  test('keep it from being a part of another, where it would lose them', async () => {
    for (const options of [{ require: 'all' }, { require: 1 }, { hedgeAfterMs: 300 }]) {
      expect(await codeOf(() => any(any([a, b], options), c))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(() => any([any([a, b], options)]))).toBe('INVALID_ARGUMENT')
    }
    const absent = { require: undefined, hedgeAfterMs: undefined }
    expect(names(any(any([a, b], absent), any([c], {})))).toEqual(['a', 'b', 'c'])
    expect(any([any(a, b), c], { require: 3 })).toMatchObject({ require: 3 })
  })
})
