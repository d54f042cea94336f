import { format, inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { pattern } from './pattern.test-support.ts'
import { codeOf } from './refusal.test-support.ts'
import { SecretBytes } from './secret-bytes.ts'

describe('secret bytes', () => {
  test('are the very buffer that they were made from', () => {
    const buffer = pattern(8)
    const secret = SecretBytes.from(buffer)
    expect(secret.bytes).toBe(buffer)
    expect([secret.length, secret.released]).toEqual([8, false])
  })

  test('are zeros after the last release, and of no use any more', async () => {
    const buffer = pattern(8)
    const secret = SecretBytes.from(buffer)
    secret[Symbol.dispose]()
    expect(buffer).toEqual(new Uint8Array(8))
    expect([secret.released, secret.length]).toEqual([true, 8])
    expect(await codeOf(() => secret.bytes)).toBe('INVALID_ARGUMENT')
    expect(await codeOf(() => secret.retain())).toBe('INVALID_ARGUMENT')
    secret[Symbol.dispose]()
    expect(secret.released).toBe(true)
  })

  test('live for as long as one holder has not released them', () => {
    const buffer = pattern(8)
    const secret = SecretBytes.from(buffer)
    expect(secret.retain()).toBe(secret)
    secret.retain()
    secret[Symbol.dispose]()
    secret[Symbol.dispose]()
    expect(secret.bytes).toEqual(pattern(8))
    expect(secret.released).toBe(false)
    secret[Symbol.dispose]()
    expect([secret.released, buffer.every((byte) => byte === 0)]).toEqual([true, true])
  })

  test('wipe their own view and nothing around it', () => {
    const pool = pattern(30)
    SecretBytes.from(pool.subarray(10, 20))[Symbol.dispose]()
    expect(pool.subarray(0, 10)).toEqual(pattern(30).subarray(0, 10))
    expect(pool.subarray(10, 20)).toEqual(new Uint8Array(10))
    expect(pool.subarray(20)).toEqual(pattern(30).subarray(20))
  })

  test('are released at the end of a using block', () => {
    const buffer = pattern(8)
    {
      using secret = SecretBytes.from(buffer)
      expect(secret.bytes.length).toBe(8)
    }
    expect(buffer).toEqual(new Uint8Array(8))
  })

  test('never show themselves, however they are printed', () => {
    const secret = SecretBytes.from(Buffer.from('CANARY'))
    const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ a: { b: { c: [secret] } } }, deep),
      inspect(secret, { ...deep, customInspect: false, getters: false }),
      inspect(secret, { ...deep, customInspect: false, showHidden: false }),
      inspect(Object.assign(new Error('x'), { secret }), deep),
      format('%s %o %O %j', secret, secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(Object.getOwnPropertyNames(secret)),
    ]
    for (const text of shown) expect(text).not.toMatch(/CANARY|43\s?41\s?4e|67,\s*65/i)
    expect(shown.slice(0, 4)).toEqual(['[SecretBytes]', '[SecretBytes]', '{"secret":"[SecretBytes]"}', '[SecretBytes]'])
  })

  test('are not cloned to another thread', () => {
    expect(structuredClone(SecretBytes.from(Buffer.from('CANARY')))).toEqual({})
  })

  test('are made from a Uint8Array alone', async () => {
    for (const wrong of ['text', [1], new ArrayBuffer(8), null, undefined, new Uint16Array(1)]) {
      expect(await codeOf(() => SecretBytes.from(wrong as unknown as Uint8Array))).toBe('INVALID_ARGUMENT')
    }
  })

  test('are not made on shared memory', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8))
    expect(await codeOf(() => SecretBytes.from(shared))).toBe('INVALID_ARGUMENT')
  })
})
