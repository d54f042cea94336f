import { AsyncLocalStorage } from 'node:async_hooks'
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

/**
 * The key is called for as soon as there is a stream, and may fail before anybody listens to it, as while `sealedLength` is
 * awaited: then the stream is destroyed once somebody listens for errors, writes or reads, as if it had failed only now.
 */
function duplexOf(flow: Flow): Duplex {
  let used = false
  let failure: { readonly error: unknown } | undefined
  const pump: Pump = new Pump(flow, (error) => {
    failure = { error }
    duplex.on('newListener', (event) => void (event === 'error' && process.nextTick(destroyIfHeard)))
    destroyIfHeard()
  })
  const destroyIfHeard = (): void => {
    if (failure && (used || duplex.listenerCount('error') > 0)) duplex.destroy(asError(failure.error))
  }
  let ahead: Promise<Uint8Array | undefined> | undefined
  let reading = false
  const whereItWasMade = AsyncLocalStorage.snapshot() // and not where it is read: there a trace has another span

  const use = (): void => {
    used = true
    if (failure !== undefined) destroyIfHeard()
    else if (!reading) fill().catch(throwLater)
  }
  const fill = async (): Promise<void> => {
    reading = true
    try {
      for (let wanted = true; wanted; ) {
        const next = ahead ?? whereItWasMade(() => pump.next())
        ahead = undefined
        const chunk = await next.catch(() => 'destroyed' as const)
        if (chunk === undefined) duplex.push(null)
        wanted = chunk !== undefined && chunk !== 'destroyed' && duplex.push(chunk)
      }
    } finally {
      reading = false
    }
  }

  const duplex = new Duplex({
    write(chunk: Uint8Array, _encoding, callback) {
      if (!used) use()
      pump.write(chunk, callback)
    },
    final(callback) {
      if (!used) use()
      pump.close().then(() => callback(), callback)
    },
    read: use,
    destroy: (error, callback) => void pump.stop(error).then(() => callback(error)),
  })
  ahead = pump.next()
  ahead.catch(() => undefined) // told to whoever uses the stream
  return duplex
}

/** What a listener throws is nobody's here: it is uncaught, as from any other stream. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

function asError(error: unknown): Error | undefined {
  return error instanceof Error || error === undefined ? error : new Error('the stream was ended', { cause: error })
}
