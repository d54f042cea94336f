import { Duplex } from 'node:stream'
import type { DecryptStreamOptions, EncryptStreamOptions } from '../message/call-options.ts'
import { decryptFlow } from '../message/decrypt-stream.ts'
import { encryptFlow } from '../message/encrypt-stream.ts'
import { configOf, type DecryptStream, type EncryptStream, type Envelope } from '../message/envelope.ts'
import type { OpenedHeader } from '../message/opening.ts'
import { type Flow, Pump } from '../stream/pump.ts'

/** Plaintext is written, the message is read. */
export interface EncryptDuplex extends Duplex, Pick<EncryptStream, 'header' | 'sealedLength'> {}

/** The message is written, plaintext is read. */
export interface DecryptDuplex<Context = Readonly<Record<string, string>>>
  extends Duplex,
    Pick<DecryptStream<Context>, 'header'> {}

/**
 * {@link Envelope.encryptStream} as a stream of Node's own, for `pipeline`.
 *
 * @throws KeyfoldError as {@link Envelope.encryptStream}
 *
 * @example
 * ```ts
 * import { Readable } from 'node:stream'
 * import { pipeline } from 'node:stream/promises'
 * import { buffer } from 'node:stream/consumers'
 * import { createEnvelope, rawAes } from '@keyfold/core'
 * import { encryptDuplex } from '@keyfold/core/node'
 *
 * const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
 * const envelope = createEnvelope({ keys })
 * const sealing = encryptDuplex(envelope, { length: 12 })
 * const [sealed] = await Promise.all([buffer(sealing), pipeline(Readable.from([Buffer.from('Hello, '), Buffer.from('world')]), sealing)])
 * console.log(sealed.length === (await sealing.sealedLength)) // true
 * ```
 */
export function encryptDuplex<Context>(
  envelope: Envelope<Context>,
  options?: EncryptStreamOptions<Context> | undefined,
): EncryptDuplex {
  // Context only narrows the names of the options.
  const flow = encryptFlow(configOf(envelope, 'encryptDuplex'), options as EncryptStreamOptions | undefined)
  return Object.assign(duplexOf(flow), { header: flow.header, sealedLength: flow.sealedLength })
}

/**
 * {@link Envelope.decryptStream} as a stream of Node's own, for `pipeline`.
 *
 * @throws KeyfoldError as {@link Envelope.decryptStream}
 */
export function decryptDuplex<Context>(
  envelope: Envelope<Context>,
  options?: DecryptStreamOptions<Context> | undefined,
): DecryptDuplex<Context> {
  // Context only narrows the names of the options, and says what the caller expects of the header.
  const flow = decryptFlow(configOf(envelope, 'decryptDuplex'), options as DecryptStreamOptions | undefined)
  return Object.assign(duplexOf(flow), { header: flow.header as Promise<OpenedHeader<Context>> })
}

function duplexOf(flow: Flow): Duplex {
  const pump: Pump = new Pump(flow, (error) => duplex.destroy(asError(error)))
  let reading = false
  const duplex = new Duplex({
    write: (chunk: Uint8Array, _encoding, callback) => pump.write(chunk, callback),
    final: (callback) => void pump.close().then(() => callback(), callback),
    read() {
      if (reading) return
      reading = true
      void fill()
    },
    destroy: (error, callback) => void pump.stop(error).then(() => callback(error)),
  })
  const fill = async (): Promise<void> => {
    try {
      for (let wanted = true; wanted; ) {
        const chunk = await pump.next()
        wanted = chunk !== undefined && duplex.push(chunk)
        if (chunk === undefined) duplex.push(null)
      }
    } catch {
      // The stream is destroyed with it already.
    }
    reading = false
  }
  duplex.read(0) // the key is called for as soon as there is a stream
  return duplex
}

function asError(error: unknown): Error | undefined {
  return error instanceof Error || error === undefined ? error : new Error('the stream was ended', { cause: error })
}
