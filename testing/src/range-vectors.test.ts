import { createEnvelope, KeyfoldError, rawAes } from '@keyfold/core'
import { expect, it } from 'vitest'
import { keyfoldEnvelope } from './keyfold-peer.ts'
import { policyFor } from './suites.ts'
import { readVectors, seededBytes } from './vectors.ts'

// A name that Keyfold refuses where the others do not (docs/wire-format.md): interop.test.ts shows it.
const vectors = (await readVectors()).filter(({ context }) => !Object.hasOwn(context, '__proto__'))
const framed = vectors.filter(({ frameLength }) => frameLength > 0)
const unframed = vectors.filter(({ frameLength }) => frameLength === 0)

it('there are vectors with frames and without', () => {
  expect(framed.length).toBeGreaterThan(100)
  expect(unframed.length).toBeGreaterThan(5)
})

it('every framed vector is read whole and in parts', async () => {
  for (const { name, suite, keyring, ciphertext, plaintext, context, withheld = {} } of framed) {
    const envelope = keyfoldEnvelope(keyring, policyFor(suite))
    const expected = { context: { ...context, ...withheld }, withheld: Object.keys(withheld) }
    await using reader = await envelope.openRange(ciphertext, { ...expected, ignoreSignature: true })
    const { length } = plaintext
    expect(reader.length, name).toBe(length)
    const middle = Math.floor(length / 2)
    const ranges = [[0, length] as const, [middle, Math.min(middle + 5, length)] as const, [length, length] as const]
    for (const [start, end] of ranges) {
      const part = await reader.read(start, end)
      expect(Buffer.compare(part, plaintext.subarray(start, end)), `${name}, ${start} to ${end}`).toBe(0)
    }
  }
})

it('no part of an unframed vector is read', async () => {
  for (const { name, suite, keyring, ciphertext } of unframed) {
    const opening = keyfoldEnvelope(keyring, policyFor(suite)).openRange(ciphertext, { ignoreSignature: true })
    const error: unknown = await opening.catch((reason: unknown) => reason)
    expect(KeyfoldError.is(error) && error.code, name).toBe('UNSUPPORTED')
  }
})

it('every vector moves to other keys, with its context', async () => {
  const to = createEnvelope({ keys: rawAes({ namespace: 'new', name: 'new', key: seededBytes('new', 32) }) })
  for (const { name, suite, keyring, ciphertext, plaintext, context, withheld = {} } of vectors) {
    const hidden = { context: withheld, withheld: Object.keys(withheld) }
    const moved = await keyfoldEnvelope(keyring, policyFor(suite)).reencrypt(ciphertext, to, hidden)
    const opened = await to.decrypt(moved, hidden)
    expect(Buffer.compare(opened.plaintext, plaintext), name).toBe(0)
    expect({ ...opened.context }, name).toEqual({ ...context, ...withheld })
  }
})
