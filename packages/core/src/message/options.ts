import { type Clock, systemClock } from '../clock.ts'
import { type DataKeyCache, partitionOf } from '../data-key-cache/data-key-cache.ts'
import type { Partition } from '../data-key-cache/partition.ts'
import { KeyfoldError } from '../errors.ts'
import { demandOptions } from '../keys/demand-options.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { type Keyring, keyringOf } from '../keys/keyring.ts'
import type { CallConditions } from '../keys/provider-call.ts'
import type { Observer } from '../observe.ts'
import { type CommitmentPolicy, demandPolicy } from '../suite/policy.ts'
import { CallerContexts } from './context.ts'

/** Bounds on what one message may ask of this process. What each protects is in docs/limits.md. */
export interface Limits {
  /** Entries that a message may have, both ways; `Infinity` lifts it. Default 16. */
  readonly maxEncryptedDataKeys?: number | undefined
  /** Length in bytes of a header that is read. Default 1 MiB. */
  readonly maxHeaderBytes?: number | undefined
  /** Frame length in bytes, both ways. Default 16 MiB. */
  readonly maxFrameLength?: number | undefined
  /** Bytes of plaintext that a stream holds until a signature or an unframed body is verified. Default 64 MiB. */
  readonly maxBufferedBytes?: number | undefined
}

/** Options of `createEnvelope`. */
export interface EnvelopeOptions {
  /** A key, or several through `anyOf`. */
  readonly keys: KeyProvider | Keyring
  /** Default `require-encrypt-require-decrypt`. */
  readonly commitmentPolicy?: CommitmentPolicy | undefined
  /** Names that every call's context must have. */
  readonly requireContext?: readonly string[] | undefined
  /** Whether to refuse entries that anybody with a public key can write. Default false. */
  readonly requireAuthenticatedWriter?: boolean | undefined
  /** Lets a data key serve more than one message. What that costs and protects is in docs/caching.md. By default none does. */
  readonly cache?: DataKeyCache | undefined
  /** Deadline of each call to a provider, in milliseconds. Default 10000. */
  readonly callTimeoutMs?: number | undefined
  readonly observe?: Observer | undefined
  /** Times and timers; the system's by default. */
  readonly clock?: Clock | undefined
  readonly limits?: Limits | undefined
}

/** Options of `encrypt`. */
export interface EncryptOptions<Context = Readonly<Record<string, string>>> {
  /** Authenticated with the message, and readable in its header. */
  readonly context?: Context | undefined
  /** Names of the context to authenticate without writing them into the header. They are not secret all the same. */
  readonly withheld?: readonly (string & keyof Context)[] | undefined
  /** Whether to sign the message, so that who can open it cannot alter it unseen. Default false. */
  readonly sign?: boolean | undefined
  /** The format's number of an algorithm suite, such as 0x0478. By default the policy and `sign` decide. */
  readonly suite?: number | undefined
  /** Length in bytes of each frame but the last. */
  readonly frameLength?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Options of `encryptStream`. */
export interface EncryptStreamOptions<Context = Readonly<Record<string, string>>> extends EncryptOptions<Context> {
  /** Length in bytes of the plaintext, where it is known: the stream is held to it, and `sealedLength` follows from it. */
  readonly length?: number | undefined
}

/** Options of `decrypt`. */
export interface DecryptOptions<Context = Readonly<Record<string, string>>> {
  /** Pairs that the message must have. It may have more. */
  readonly context?: Partial<Context> | undefined
  /** Names of `context` that may be absent from the header, since they were withheld when the message was sealed. */
  readonly withheld?: readonly (string & keyof Context)[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Options of `decryptStream`. */
export interface DecryptStreamOptions<Context = Readonly<Record<string, string>>> extends DecryptOptions<Context> {
  /**
   * What happens to a signed message's plaintext while its signature, which is behind it, is not verified: `hold` (the
   * default) keeps it, up to `maxBufferedBytes`; `release` gives it early, all but the last frame; `refuse` opens no signed
   * message.
   */
  readonly signed?: 'hold' | 'release' | 'refuse' | undefined
}

/** Options of `openRange`. */
export interface RangeOptions<Context = Readonly<Record<string, string>>> extends DecryptOptions<Context> {
  /** Must be true to read parts of a signed message: its signature is over all of it, and is then not verified. */
  readonly ignoreSignature?: boolean | undefined
}

/** Options of `decryptRange`. */
export interface DecryptRangeOptions<Context = Readonly<Record<string, string>>> extends RangeOptions<Context> {
  /** Where to start, in bytes of the plaintext. */
  readonly start: number
  /** Where to end: the first byte that is not wanted. */
  readonly end: number
}

/** Options of `reencrypt`. */
export interface ReencryptOptions<Context = Readonly<Record<string, string>>, To = Readonly<Record<string, string>>>
  extends DecryptOptions<Context> {
  /**
   * How to seal the new message. The context carries over, and what is withheld of it, unless they are named here. A signal
   * here ends the whole, as the one beside it does.
   */
  readonly seal?: EncryptOptions<To> | undefined
}

/** Options of `reencryptStream`. */
export interface ReencryptStreamOptions<
  Context = Readonly<Record<string, string>>,
  To = Readonly<Record<string, string>>,
> extends DecryptStreamOptions<Context>,
    Pick<ReencryptOptions<Context, To>, 'seal'> {}

/** An envelope's options, checked, with every default in its place. */
export interface EnvelopeConfig {
  readonly keyring: Keyring
  readonly commitmentPolicy: CommitmentPolicy
  readonly contexts: CallerContexts
  readonly requireAuthenticatedWriter: boolean
  /** The keyring's own part of the cache. */
  readonly cache: Partition | undefined
  readonly callTimeoutMs: number
  readonly observe: Observer | undefined
  readonly clock: Clock
  readonly limits: { readonly [Name in keyof Limits]-?: number }
}

/** Chosen by measurement: docs/design.md, "Frame length". */
export const defaultFrameLength: number = 128 * 1024

const defaultLimits = {
  maxEncryptedDataKeys: 16,
  maxHeaderBytes: 2 ** 20,
  maxFrameLength: 2 ** 24,
  maxBufferedBytes: 2 ** 26,
}

const envelopeOptions: ReadonlySet<string> = new Set([
  'keys',
  'commitmentPolicy',
  'requireContext',
  'requireAuthenticatedWriter',
  'cache',
  'callTimeoutMs',
  'observe',
  'clock',
  'limits',
])
const encryptOptions = ['context', 'withheld', 'sign', 'suite', 'frameLength', 'signal']
const decryptOptions = ['context', 'withheld', 'signal']

type OpeningCall = 'decrypt' | 'decryptStream' | 'openRange' | 'decryptRange' | 'read' | 'reencrypt' | 'reencryptStream'

/** The names of each call's options. */
const callOptions: Readonly<Record<'encrypt' | 'encryptStream' | OpeningCall, ReadonlySet<string>>> = {
  encrypt: new Set(encryptOptions),
  encryptStream: new Set([...encryptOptions, 'length']),
  decrypt: new Set(decryptOptions),
  decryptStream: new Set([...decryptOptions, 'signed']),
  openRange: new Set([...decryptOptions, 'ignoreSignature']),
  decryptRange: new Set([...decryptOptions, 'ignoreSignature', 'start', 'end']),
  read: new Set(['signal']),
  reencrypt: new Set([...decryptOptions, 'seal']),
  reencryptStream: new Set([...decryptOptions, 'signed', 'seal']),
}
const limitNames: ReadonlySet<string> = new Set(Object.keys(defaultLimits))

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function checkEnvelopeOptions(options: EnvelopeOptions): EnvelopeConfig {
  demandOptions('createEnvelope', options, envelopeOptions)
  const { keys, commitmentPolicy = 'require-encrypt-require-decrypt', limits = {} } = options
  const { requireContext = [], callTimeoutMs = 10_000, observe, clock = systemClock } = options
  if (!Array.isArray(requireContext) || !requireContext.every((name) => typeof name === 'string')) {
    throw invalid('requireContext: expected an array of names')
  }
  if (!(typeof callTimeoutMs === 'number' && callTimeoutMs > 0)) {
    throw invalid('callTimeoutMs: expected a positive number of milliseconds')
  }
  if (
    typeof clock?.now !== 'function' ||
    typeof clock.monotonic !== 'function' ||
    typeof clock.schedule !== 'function'
  ) {
    throw invalid('clock: expected a Clock')
  }
  if (observe !== undefined && typeof observe !== 'function') throw invalid('observe: expected a function')
  const keyring = keyringOf(keys)
  return {
    keyring,
    commitmentPolicy: demandPolicy(commitmentPolicy),
    contexts: new CallerContexts([...requireContext]),
    requireAuthenticatedWriter:
      demandBoolean('requireAuthenticatedWriter', options.requireAuthenticatedWriter) ?? false,
    cache: options.cache && partitionOf(options.cache, keyring),
    callTimeoutMs,
    observe,
    clock,
    limits: checkLimits(limits),
  }
}

function checkLimits(limits: Limits): EnvelopeConfig['limits'] {
  demandOptions('limits', limits, limitNames)
  const given = Object.entries(limits).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!(Number.isInteger(value) || value === Number.POSITIVE_INFINITY) || value < 1) {
      throw invalid(`limits.${name}: expected a whole number of at least 1, or Infinity`)
    }
  }
  return { ...defaultLimits, ...Object.fromEntries(given) }
}

/** @throws KeyfoldError `INVALID_ARGUMENT`, `LIMIT_EXCEEDED` for a frame length over the limit */
export function checkEncryptOptions(
  config: EnvelopeConfig,
  options: EncryptOptions,
  call: 'encrypt' | 'encryptStream',
): number {
  demandOptions(call, options, callOptions[call])
  demandBoolean('sign', options.sign)
  demandSignal(options.signal)
  const { frameLength = defaultFrameLength } = options
  if (!Number.isInteger(frameLength) || frameLength < 1 || frameLength > 0xffff_ffff) {
    throw invalid(`frame length ${String(frameLength)}: expected 1 to ${0xffff_ffff}`)
  }
  const most = config.limits.maxFrameLength
  if (frameLength <= most) return frameLength
  if (options.frameLength === undefined) return most
  throw new KeyfoldError('LIMIT_EXCEEDED', `frame length ${frameLength}: at most ${most} (maxFrameLength)`)
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function checkDecryptOptions(options: RangeOptions, call: OpeningCall): void {
  demandOptions(call, options, callOptions[call])
  demandSignal(options.signal)
  demandBoolean('ignoreSignature', options.ignoreSignature)
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function checkLength(length: number | undefined): number | undefined {
  if (length === undefined || (Number.isSafeInteger(length) && length >= 0)) return length
  throw invalid(`length ${String(length)}: expected a whole number of bytes`)
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function checkSigned(signed: DecryptStreamOptions['signed']): 'hold' | 'release' | 'refuse' {
  if (signed === undefined) return 'hold'
  if (signed === 'hold' || signed === 'release' || signed === 'refuse') return signed
  throw invalid(`signed ${JSON.stringify(signed)}: expected hold, release or refuse`)
}

/** Under what conditions one message's providers are called. */
export function callConditions(config: EnvelopeConfig, signal: AbortSignal | undefined): CallConditions {
  const { callTimeoutMs, clock, observe } = config
  return { signal, callTimeoutMs, clock, observe }
}

function demandBoolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw invalid(`${name}: expected true or false`)
}

function demandSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.addEventListener === 'function') return
  throw invalid('signal: expected an AbortSignal')
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
