// The shortest way: a key, an envelope, a message, and the message again. And what an altered message gets.
import assert from 'node:assert/strict'
import { createEnvelope, KeyfoldError, rawAes } from '@keyfold/core'

const key = crypto.getRandomValues(new Uint8Array(32)) // in earnest: from where you keep keys
const envelope = createEnvelope({ keys: rawAes({ namespace: 'example', name: 'k1', key }) })

const sealed = await envelope.encrypt(new TextEncoder().encode('order 7: two chairs'))
const { plaintext } = await envelope.decrypt(sealed)
console.log(new TextDecoder().decode(plaintext))

const altered = sealed.slice()
altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
const refusal: unknown = await envelope.decrypt(altered).catch((error: unknown) => error)
console.log(KeyfoldError.is(refusal) && refusal.code)

assert.equal(new TextDecoder().decode(plaintext), 'order 7: two chairs')
assert.ok(KeyfoldError.is(refusal) && refusal.code === 'AUTHENTICATION_FAILED')
