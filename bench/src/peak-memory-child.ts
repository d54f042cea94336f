import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createEnvelope, rawAes } from '@keyfold/core'
import { decryptDuplex, encryptDuplex } from '@keyfold/core/node'

/*
 * The whole of a process: it seals a gibibyte that is made as it goes, opens it again, drops it, and says how much memory
 * it held at most. peak-memory.ts runs it.
 */

const length = 2 ** 30
const key = Buffer.alloc(32, 1)
const envelope = createEnvelope({ keys: rawAes({ namespace: 'bench', name: 'k1', key }) })

function* plaintext(): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let at = 0; at < length; at += 2 ** 16) yield new Uint8Array(2 ** 16).fill(at >> 16)
}

let opened = 0
const count = (chunk: Uint8Array): void => {
  opened += chunk.length
}

/** What no stream can go below: the same bytes, one cipher and one decipher after the other. */
function floor(): void {
  const secret = createSecretKey(key)
  const iv = Buffer.alloc(12)
  for (const chunk of plaintext()) {
    const sealing = createCipheriv('aes-256-gcm', secret, iv)
    const sealed = sealing.update(chunk)
    sealing.final()
    const opening = createDecipheriv('aes-256-gcm', secret, iv)
    opening.setAuthTag(sealing.getAuthTag())
    count(opening.update(sealed))
    opening.final()
  }
}

if (process.argv.includes('floor')) floor()
else if (process.argv.includes('Duplex')) {
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, callback) {
      count(chunk)
      callback()
    },
  })
  const source = Readable.from(plaintext(), { objectMode: false })
  await pipeline(source, encryptDuplex(envelope), decryptDuplex(envelope), sink)
} else {
  const opening = ReadableStream.from(plaintext())
    .pipeThrough(envelope.encryptStream())
    .pipeThrough(envelope.decryptStream())
  await opening.pipeTo(new WritableStream({ write: count }))
}
if (opened !== length) throw new Error('it was opened to something else')
console.log(peakKibibytes())

/** On Linux `maxRSS` is at least what the parent held when it made this process. */
function peakKibibytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
}
