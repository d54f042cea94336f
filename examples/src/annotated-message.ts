// Prints a small message field by field, as docs/tour.md shows it. The message is frozen here, so that the page stays true:
// its key is the bytes 0 to 31, and it opens. A new one is sealed beside it and must have the same fields.
import assert from 'node:assert/strict'
import { createEnvelope, inspect, rawAes } from '@keyfold/core'

const text = 'Hello, Keyfold'
const context = { tenant: 't-42' }
const key = Uint8Array.from({ length: 32 }, (_, index) => index)
const envelope = createEnvelope({ keys: rawAes({ namespace: 'example', name: 'k1', key }) })

// Sealed once with { context, frameLength: 8 }.
const frozen = [
  '020478fa372f1650ae9f24551d6530ff6daa68280ed48b9a3b2af1b56f51ff81060cf600100001000674656e616e74000474',
  '2d3432000100076578616d706c6500166b31000000800000000caa1cddddf0fe64d0f550a8cc00306bc69794ef31d4c1f22d',
  'f708290ca6e90b1013ce9a36782a9098b690504b1279cc6d90645129bc0f0ba593af9bd9234402000000080f8514a926c515',
  '95c9ee2691f7e199bc3b50f59f45dff01fc59bdccde74fa4903a238788fe0691d93760faf7da2ba81f000000010000000000',
  '00000000000001e0c88cd3763717ff3bc0141e8711682291875efcc2f67180ffffffff000000020000000000000000000000',
  '020000000659ad4e3e35f8457c0716a15440f238ef6c798acf586a',
].join('')
const message = Uint8Array.from(frozen.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

for (const { offset, bytes, meaning } of fieldsOf(message)) {
  const lines = bytes.toString('hex').match(/.{1,32}/g) ?? ['']
  for (const [index, line] of lines.entries()) {
    const at = String(offset + 16 * index).padStart(5)
    console.log(`${at}  ${line.padEnd(32)}  ${index === 0 ? meaning : ''}`.trimEnd())
  }
}

const { plaintext } = await envelope.decrypt(message, { context })
assert.equal(new TextDecoder().decode(plaintext), text)
assert.equal(fieldsOf(message).at(-1)?.end, message.length)
const anew = await envelope.encrypt(plaintext, { context, frameLength: 8 })
const outline = (bytes: Uint8Array) => fieldsOf(bytes).map(({ offset, meaning }) => [offset, meaning])
assert.deepEqual(outline(anew), outline(message))
assert.equal(inspect(anew).headerLength, inspect(message).headerLength)

interface Field {
  readonly offset: number
  readonly end: number
  readonly bytes: Buffer
  readonly meaning: string
}

/** The fields of a message of version 2 with one pair of context and one raw AES entry: what packages/core/src/wire/ reads. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = []
  const take = (length: number, meaning: (bytes: Buffer) => string): Buffer => {
    const offset = fields.at(-1)?.end ?? 0
    const bytes = Buffer.from(message.subarray(offset, offset + length))
    fields.push({ offset, end: offset + length, bytes, meaning: meaning(bytes) })
    return bytes
  }
  const number = (length: number, what: string): number =>
    take(length, (bytes) => `${what} ${bytes.readUIntBE(0, length)}`).readUIntBE(0, length)
  const string = (what: string): void => {
    const length = number(2, `length of the ${what}:`)
    take(length, (bytes) => `${what} "${bytes}"`)
  }
  const random = (length: number, what: string): Buffer => take(length, () => what)

  number(1, 'version')
  take(2, (bytes) => `suite 0x${bytes.toString('hex')}`)
  random(32, 'message id, random')
  number(2, 'length of the context:')
  number(2, 'pairs in the context:')
  string('name')
  string('value')
  number(2, 'encrypted data keys:')
  string('provider id')
  number(2, 'length of the provider info:')
  take(2, (bytes) => `provider info: key name "${bytes}"`)
  number(4, '  tag length in bits,')
  number(4, '  iv length in bytes,')
  random(12, '  iv of the wrapping, random')
  number(2, 'length of the wrapped data key:')
  random(32, 'data key, AES-256-GCM under the wrapping key;')
  random(16, '  tag, over the context too')
  number(1, 'content type, framed:')
  const frameLength = number(4, 'frame length')
  random(32, 'key commitment')
  random(16, 'header tag: AES-256-GCM over all of the above, iv 0')
  for (;;) {
    const final = message[fields.at(-1)?.end ?? 0] === 0xff
    if (final) take(4, () => 'mark of the final frame')
    number(4, 'frame')
    random(12, '  iv: the sequence number')
    const length = final ? number(4, '  content length') : frameLength
    random(length, '  ciphertext')
    random(16, '  tag')
    if (final) return fields
  }
}
