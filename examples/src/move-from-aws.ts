// A message that the AWS Encryption SDK wrote under a suite from before key commitment is opened once, by an envelope that
// is allowed to, and sealed anew under the default suite. The old message is one of the frozen vectors in testing/.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createEnvelope, KeyfoldError, rawAes } from '@keyfold/core'

const { vectors } = read('aws-crypto-client-node-5.0.2.json')
const { keyrings } = read('test-keys.json')
const old = vectors.find(({ name }: { name: string }) => name === 'suite 0378')
const { namespace, name, key } = keyrings[old.keyring]
const keys = rawAes({ namespace, name, key: Buffer.from(key, 'base64') })
const message = Buffer.from(old.ciphertext, 'base64')

const strict = createEnvelope({ keys })
const refusal: unknown = await strict.decrypt(message).catch((error: unknown) => error)
console.log(KeyfoldError.is(refusal) && refusal.message)

const moving = createEnvelope({ keys, commitmentPolicy: 'require-encrypt-allow-decrypt' })
const { plaintext, context, suite } = await moving.decrypt(message)
const moved = await moving.encrypt(plaintext, { context })
const opened = await strict.decrypt(moved, { context })
console.log(`0x${suite.toString(16).padStart(4, '0')} → 0x${opened.suite.toString(16).padStart(4, '0')}`)

assert.ok(KeyfoldError.is(refusal) && refusal.code === 'POLICY_VIOLATION')
assert.deepEqual(opened.plaintext, plaintext)
assert.deepEqual(opened.context, context)
assert.deepEqual([suite, opened.suite], [0x0378, 0x0478])

function read(file: string) {
  return JSON.parse(readFileSync(new URL(`../../testing/vectors/${file}`, import.meta.url), 'utf8'))
}
