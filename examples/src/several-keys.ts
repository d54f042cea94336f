// One message for several keys, any one of which opens it: a key in use, and the public half of a key in a safe.
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { anyOf, createEnvelope, inspect, KeyfoldError, rawAes, rawRsa } from '@keyfold/core'

const inUse = rawAes({ namespace: 'example', name: 'in-use', key: randomBytes(32) })
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const rescue = { namespace: 'example', name: 'rescue', padding: 'oaep-sha256' } as const

const sealer = createEnvelope({ keys: anyOf(inUse, rawRsa({ ...rescue, publicKey })) })
const sealed = await sealer.encrypt(new TextEncoder().encode('ledger'))
console.log(`${inspect(sealed).encryptedDataKeys.length} entries`)

const every = await createEnvelope({ keys: inUse }).decrypt(sealed)
const rescued = await createEnvelope({ keys: rawRsa({ ...rescue, privateKey }) }).decrypt(sealed)
console.log(every.openedBy, rescued.openedBy)

// Whoever has the public half could have written a message that the private half opens. Where that matters, say so.
const strict = createEnvelope({ keys: rawRsa({ ...rescue, privateKey }), requireAuthenticatedWriter: true })
const refusal: unknown = await strict.decrypt(sealed).catch((error: unknown) => error)

assert.equal(inspect(sealed).encryptedDataKeys.length, 2)
assert.equal(every.openedBy.authenticatesWriter, true)
assert.equal(rescued.openedBy.authenticatesWriter, false)
assert.deepEqual(rescued.plaintext, every.plaintext)
assert.ok(KeyfoldError.is(refusal) && refusal.code === 'POLICY_VIOLATION')
