import { KeyfoldError } from '../errors.ts'
import { transformOf, type WebTransform } from '../stream/web.ts'
import type { MessageHeader } from '../wire/inspect.ts'
import type {
  DecryptOptions,
  DecryptRangeOptions,
  DecryptStreamOptions,
  EncryptOptions,
  EncryptStreamOptions,
  RangeOptions,
  ReencryptOptions,
  ReencryptStreamOptions,
} from './call-options.ts'
import { decrypt, type Opened } from './decrypt.ts'
import { decryptFlow } from './decrypt-stream.ts'
import { encrypt } from './encrypt.ts'
import { encryptFlow } from './encrypt-stream.ts'
import { checkEnvelopeOptions, type EnvelopeConfig, type EnvelopeOptions } from './envelope-options.ts'
import type { OpenedHeader } from './opening.ts'
import { decryptRange, openRange } from './range.ts'
import type { RangeReader } from './range-reader.ts'
import type { RangeSource } from './range-source.ts'
import { reencrypt, reencryptFlow } from './reencrypt.ts'

/*
 * An envelope hands each call to the file that tells its story:
 *
 *   whole          encrypt.ts, and decrypt.ts as its mirror
 *   by streams     encrypt-stream.ts, decrypt-stream.ts (release.ts: when opened frames are given out)
 *   by ranges      range.ts, then range-reader.ts, from a source (range-source.ts)
 *   to other keys  reencrypt.ts: decrypt into encrypt, whole or by streams
 *
 * All of them check their options (envelope-options.ts once, call-options.ts and context.ts each time), do what comes before
 * the first frame in sealing.ts or opening.ts (with a cache through cached.ts, by a name from cache-key.ts), and work on
 * frames in the steps of chunks.ts.
 */

/**
 * Seals and opens messages under one set of keys and rules. Made by {@link createEnvelope}; hold one for as long as its
 * keys serve.
 */
export interface Envelope<Context = Readonly<Record<string, string>>> extends AsyncDisposable {
  /**
   * Seals bytes whole.
   *
   * @param bytes must not change until the promise settles; a view on shared memory is refused
   * @returns the message, in memory of its own
   * @throws KeyfoldError before any key call: `INVALID_ARGUMENT`, `POLICY_VIOLATION`, `LIMIT_EXCEEDED`, `ABORTED`; from
   *   the keys: `UNSUPPORTED` where none can seal, `TIMEOUT`, the failed key's own code, or `NO_USABLE_KEY` with
   *   `attempts` where several failed
   */
  encrypt(bytes: Uint8Array, options?: EncryptOptions<Context> | undefined): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Opens a message whole. Nothing is returned before everything holds: header, context, every frame, the signature.
   *
   * @param bytes must not change until the promise settles; a view on shared memory is refused
   * @throws KeyfoldError before any key call: `INVALID_ARGUMENT`, `MALFORMED_MESSAGE`, `LIMIT_EXCEEDED`,
   *   `POLICY_VIOLATION`, `CONTEXT_MISMATCH`, `ABORTED`, and `NO_USABLE_KEY` without attempts where no key accepts an
   *   entry, `UNSUPPORTED` where all are of types that Keyfold lacks; then `AUTHENTICATION_FAILED` for whatever was altered or belongs to another key, `TIMEOUT`, the failed key's
   *   own code, or `NO_USABLE_KEY` with `attempts` where several failed
   */
  decrypt(bytes: Uint8Array, options?: DecryptOptions<Context> | undefined): Promise<Opened<Context>>
  /**
   * Seals a message of plaintext that comes piece by piece, in the memory of a frame. The key is called for at once.
   *
   * @returns for `pipeThrough`. Whatever ends it ends both sides: an error, the caller's signal (`ABORTED`), a side that is
   *   aborted or cancelled. A chunk may be changed once its write has settled, which is when it was worked on: read
   *   while you write, for neither a write nor `close` settles before somebody reads
   * @throws KeyfoldError before any key call, as `encrypt`; what comes later fails the stream: as `encrypt`,
   *   `LIMIT_EXCEEDED` for plaintext beyond `length`, `INVALID_ARGUMENT` where it falls short of it
   */
  encryptStream(options?: EncryptStreamOptions<Context> | undefined): EncryptStream
  /**
   * Opens a message that comes piece by piece, in the memory of a frame. Plaintext is given out as soon as it is
   * authenticated, and a signed message's when its signature holds, unless `signed` says otherwise; the stream fails where
   * the message is cut or altered further on, so do not act on what was read before its end.
   *
   * @returns for `pipeThrough`, as `encryptStream`
   * @throws KeyfoldError `INVALID_ARGUMENT`, `ABORTED`; what comes later fails the stream: as `decrypt`, and `LIMIT_EXCEEDED`
   *   where more than `maxBufferedBytes` would have to be held
   */
  decryptStream(options?: DecryptStreamOptions<Context> | undefined): DecryptStream<Context>
  /**
   * Opens a message to read parts of it, at the cost of the frames that they touch. Header and final frame are verified
   * first, so that a message that is cut, or ends with another's frame, is not opened.
   *
   * @param source bytes, a Blob, a file (`fileSource` of `@keyfold/core/node`), or anything with `size` and `read`
   * @throws KeyfoldError as `decrypt`; `UNSUPPORTED` for an unframed message, `POLICY_VIOLATION` for a signed one without
   *   `ignoreSignature`, `TRANSPORT_CORRUPTION` where the source gives more or less than was asked for, the source's own error,
   *   or `UNKNOWN` where it throws anything else
   */
  openRange(
    source: Uint8Array | Blob | RangeSource,
    options?: RangeOptions<Context> | undefined,
  ): Promise<RangeReader<Context>>
  /**
   * One part of a message's plaintext, from `start` up to, and not including, `end`.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT` for a range that is reversed, negative or past the end; otherwise as `openRange`
   */
  decryptRange(
    source: Uint8Array | Blob | RangeSource,
    options: DecryptRangeOptions<Context>,
  ): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Moves a message to another envelope's keys or suite: opens it, and seals the plaintext anew with a fresh data key, which
   * no cache gives. There is no way to exchange the keys of a message in place.
   *
   * @param to this envelope itself, where its keys have changed
   * @param options of the opening; `seal` has those of the sealing. The context carries over, and what is withheld of it
   * @throws KeyfoldError as `decrypt`, then as `encrypt`
   */
  reencrypt<To>(
    bytes: Uint8Array,
    to: Envelope<To>,
    options?: ReencryptOptions<Context, To> | undefined,
  ): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Moves a message from stream to stream, in the memory of two frames. The new message's end is written once all of the old
   * one holds: where the stream fails, what came out opens nowhere.
   *
   * @throws KeyfoldError as `decryptStream`; for `seal` and what comes later also as `encryptStream`
   */
  reencryptStream<To>(to: Envelope<To>, options?: ReencryptStreamOptions<Context, To> | undefined): ReencryptStream
  /**
   * Forgets the data keys that the cache holds for this envelope's keys. The keys themselves and the cache are their owner's.
   * Later calls are `INVALID_ARGUMENT`; what is under way goes on.
   */
  close(): Promise<void>
}

/** Plaintext is written, the message is read. */
export interface EncryptStream extends WebTransform {
  /**
   * The header, as soon as the keys have answered: nothing needs to be written for it. Its `context` is as it was given,
   * with the withheld pairs that the message does not show. Fails as the stream does.
   */
  readonly header: Promise<MessageHeader>
  /**
   * Settles with the header: length in bytes of the whole message where `length` was given and the message is not signed,
   * otherwise undefined.
   */
  readonly sealedLength: Promise<number | undefined>
}

/** A message is written, the new one is read. */
export interface ReencryptStream extends WebTransform {
  /** The new message's header, as soon as there is one; its `context` has the withheld pairs too. Fails as the stream does. */
  readonly header: Promise<MessageHeader>
}

/** The message is written, plaintext is read. */
export interface DecryptStream<Context = Readonly<Record<string, string>>> extends WebTransform {
  /** The header, as soon as it is verified. Fails as the stream does. */
  readonly header: Promise<OpenedHeader<Context>>
}

/**
 * An envelope on the given keys.
 *
 * @typeParam Context the names that contexts have, such as `{ tenant: string }`. A returned context is only as sure to
 *   have them as `requireContext` makes it.
 * @throws KeyfoldError `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createEnvelope, rawAes } from '@keyfold/core'
 *
 * const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
 * const envelope = createEnvelope<{ tenant: string }>({ keys, requireContext: ['tenant'] })
 * const sealed = await envelope.encrypt(new TextEncoder().encode('order 7'), { context: { tenant: 't-42' } })
 * const { plaintext, context } = await envelope.decrypt(sealed, { context: { tenant: 't-42' } })
 * console.log(new TextDecoder().decode(plaintext), context.tenant) // order 7 t-42
 * ```
 */
export function createEnvelope<
  Context extends { readonly [Name in keyof Context]: string } = Readonly<Record<string, string>>,
>(options: EnvelopeOptions): Envelope<Context> {
  const config = checkEnvelopeOptions(options)
  const state: EnvelopeState = { config, closed: false }
  const close = async (): Promise<void> => {
    state.closed = true
    config.cache?.clear()
    config.cache = undefined
  }
  // Context only narrows the names of the options, and says what the caller expects of the results; hence the casts.
  const envelope: Envelope = {
    encrypt: (bytes, options) => (state.closed ? Promise.reject(closedError()) : encrypt(config, bytes, options)),
    decrypt: (bytes, options) => (state.closed ? Promise.reject(closedError()) : decrypt(config, bytes, options)),
    encryptStream(options) {
      const flow = encryptFlow(openConfig(state), options)
      return { ...transformOf(flow), header: flow.header, sealedLength: flow.sealedLength }
    },
    decryptStream(options) {
      const flow = decryptFlow(openConfig(state), options)
      return { ...transformOf(flow), header: flow.header }
    },
    openRange: async (source, options) => openRange(openConfig(state), source, options),
    decryptRange: async (source, options) => decryptRange(openConfig(state), source, options),
    reencrypt: async (bytes, to, options) =>
      reencrypt(openConfig(state), bytes, configOf(to, 'reencrypt'), options as ReencryptOptions),
    reencryptStream(to, options) {
      const flow = reencryptFlow(openConfig(state), configOf(to, 'reencryptStream'), options as ReencryptStreamOptions)
      return { ...transformOf(flow), header: flow.header }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
  envelopes.set(envelope, state)
  return envelope as Envelope<unknown> as Envelope<Context>
}

interface EnvelopeState {
  readonly config: EnvelopeConfig
  closed: boolean
}

/** What stands behind each envelope, for what works on one from outside: Node's streams, another envelope's `reencrypt`. */
const envelopes = new WeakMap<object, EnvelopeState>()

/** @throws KeyfoldError `INVALID_ARGUMENT` for anything but an open envelope of this copy of Keyfold */
export function configOf(envelope: unknown, what: string): EnvelopeConfig {
  const state = typeof envelope === 'object' && envelope !== null ? envelopes.get(envelope) : undefined
  if (state === undefined) {
    throw new KeyfoldError('INVALID_ARGUMENT', `${what}: expected an envelope that createEnvelope made`)
  }
  return openConfig(state)
}

function openConfig({ config, closed }: EnvelopeState): EnvelopeConfig {
  if (closed) throw closedError()
  return config
}

function closedError(): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', 'the envelope is closed')
}
