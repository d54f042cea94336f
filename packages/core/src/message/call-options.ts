import { demandBoolean, demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'
import type { EnvelopeConfig } from './envelope-options.ts'

/** Options of `encrypt`. */
export interface EncryptOptions<Context = Readonly<Record<string, string>>> {
  /** Authenticated with the message, and readable in its header. */
  readonly context?: Context | undefined
  /** Names of the context to authenticate without writing them into the header. They are not secret all the same. */
  readonly withheld?: readonly (string & keyof Context)[] | undefined
  /**
   * Whether to sign the message, so that whoever can open it and not seal one cannot alter it unnoticed, where its keys bind the
   * context. By default as `suite` says; without one, no.
   */
  readonly sign?: boolean | undefined
  /** The format's number of an algorithm suite, such as 0x0478. By default the policy and `sign` decide. */
  readonly suite?: number | undefined
  /** Length in bytes of each frame but the last, from 1 on. Default 131072, or `maxFrameLength` where that is less. */
  readonly frameLength?: number | undefined
  /** Ends a stream at any time, and a one-shot call until its data key is there: with `ABORTED`. */
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
  /** Ends a stream or the reading of a range at any time, and a one-shot call until its data key is there: with `ABORTED`. */
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

/** Chosen by measurement: docs/design.md, "Frame length". */
export const defaultFrameLength: number = 128 * 1024

const encryptOptions: Record<keyof EncryptOptions, true> = {
  context: true,
  withheld: true,
  sign: true,
  suite: true,
  frameLength: true,
  signal: true,
}
const decryptOptions: Record<keyof DecryptOptions, true> = { context: true, withheld: true, signal: true }
const rangeOptions: Record<keyof RangeOptions, true> = { ...decryptOptions, ignoreSignature: true }

type SealingCall = 'encrypt' | 'encryptStream'
type OpeningCall = 'decrypt' | 'decryptStream' | 'openRange' | 'decryptRange' | 'read' | 'reencrypt' | 'reencryptStream'

/** The names of each call's options. */
const callOptions: Readonly<Record<SealingCall | OpeningCall, ReadonlySet<string>>> = {
  encrypt: optionNames<EncryptOptions>(encryptOptions),
  encryptStream: optionNames<EncryptStreamOptions>({ ...encryptOptions, length: true }),
  decrypt: optionNames<DecryptOptions>(decryptOptions),
  decryptStream: optionNames<DecryptStreamOptions>({ ...decryptOptions, signed: true }),
  openRange: optionNames<RangeOptions>(rangeOptions),
  decryptRange: optionNames<DecryptRangeOptions>({ ...rangeOptions, start: true, end: true }),
  read: optionNames<Pick<RangeOptions, 'signal'>>({ signal: true }),
  reencrypt: optionNames<ReencryptOptions>({ ...decryptOptions, seal: true }),
  reencryptStream: optionNames<ReencryptStreamOptions>({ ...decryptOptions, signed: true, seal: true }),
}

/** @throws KeyfoldError `INVALID_ARGUMENT`, `LIMIT_EXCEEDED` for a frame length over the limit */
export function checkEncryptOptions(config: EnvelopeConfig, options: EncryptOptions, call: SealingCall): number {
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
  throw invalid(`signed ${String(signed)}: expected hold, release or refuse`)
}

function demandSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.addEventListener === 'function') return
  throw invalid('signal: expected an AbortSignal')
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
