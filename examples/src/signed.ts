// A signed message: whoever can open it, and so has its data key, still cannot alter it unseen. The key that signs is made
// for one message and thrown away: the signature says that nobody else went on to change it, not who wrote it.
import assert from 'node:assert/strict'
import { createEnvelope, inspect, rawAes } from '@keyfold/core'

const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
const envelope = createEnvelope({ keys })

const sealed = await envelope.encrypt(new TextEncoder().encode('I owe you'), { sign: true })
const header = inspect(sealed)
console.log(header.suiteName, header.publicKey)

const opened = await envelope.decrypt(sealed)

assert.equal(header.suite, 0x0578)
assert.equal(opened.signed, true)
assert.equal('aws-crypto-public-key' in opened.context, false)
