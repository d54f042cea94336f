// What an envelope tells of its work: which key was asked, how long it took, what failed. No event holds a key, plaintext or
// context.
import assert from 'node:assert/strict'
import { anyOf, createEnvelope, type KeyfoldEvent, rawAes } from '@keyfold/core'

const random = () => crypto.getRandomValues(new Uint8Array(32))
const here = rawAes({ namespace: 'example', name: 'here', key: random() })
const there = rawAes({ namespace: 'example', name: 'there', key: random() })
const sealed = await createEnvelope({ keys: anyOf(here, there) }).encrypt(new Uint8Array(10))

// The same name with another key: it accepts the first entry and cannot open it. The second key still does.
const mixedUp = rawAes({ namespace: 'example', name: 'here', key: random() })
const events: KeyfoldEvent[] = []
const envelope = createEnvelope({ keys: anyOf(mixedUp, there), observe: (event) => events.push(event) })
const { openedBy } = await envelope.decrypt(sealed)
console.log(events)

assert.equal(openedBy.name, 'example/there')
assert.deepEqual(
  events.map(({ type }) => type),
  ['provider-failed', 'data-key-unwrapped', 'message-opened'],
)
