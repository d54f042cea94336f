import { type Clock, demandClock, systemClock } from '../clock.ts'
import { type DataKeyCache, partitionOf } from '../data-key-cache/data-key-cache.ts'
import type { Partition } from '../data-key-cache/partition.ts'
import { demandBoolean, demandOptions, optionNames } from '../demand-options.ts'
import { KeyfoldError } from '../errors.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { type Keyring, keyringOf } from '../keys/keyring.ts'
import type { CallConditions } from '../keys/provider-call.ts'
import type { Observer } from '../observe.ts'
import { type CommitmentPolicy, demandPolicy } from '../suite/policy.ts'
import { CallerContexts, demandName } from './context.ts'

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
  /** Told of every call to a provider and every message, synchronously. */
  readonly observe?: Observer | undefined
  /** Times and timers; the system's by default. */
  readonly clock?: Clock | undefined
  /** How much of a message is taken in before it is verified. */
  readonly limits?: Limits | undefined
}

/** An envelope's options, checked, with every default in its place. */
export interface EnvelopeConfig {
  readonly keyring: Keyring
  readonly commitmentPolicy: CommitmentPolicy
  readonly contexts: CallerContexts
  readonly requireAuthenticatedWriter: boolean
  /** The keyring's own part of the cache; taken away when the envelope is closed, from streams that are under way too. */
  cache: Partition | undefined
  readonly callTimeoutMs: number
  readonly observe: Observer | undefined
  readonly clock: Clock
  readonly limits: { readonly [Name in keyof Limits]-?: number }
}

const defaultLimits = {
  maxEncryptedDataKeys: 16,
  maxHeaderBytes: 2 ** 20,
  maxFrameLength: 2 ** 24,
  maxBufferedBytes: 2 ** 26,
}

const limitNames: ReadonlySet<string> = new Set(Object.keys(defaultLimits))

const envelopeOptions = optionNames<EnvelopeOptions>({
  keys: true,
  commitmentPolicy: true,
  requireContext: true,
  requireAuthenticatedWriter: true,
  cache: true,
  callTimeoutMs: true,
  observe: true,
  clock: true,
  limits: true,
})

/** A name that no context may have could never be met. */
function demandRequirable(names: unknown): void {
  const expected = 'requireContext: expected an array of names'
  if (!Array.isArray(names)) throw invalid(expected)
  for (const name of names) {
    if (typeof name !== 'string') throw invalid(expected)
    demandName('requireContext', name)
  }
}

/** @throws KeyfoldError `INVALID_ARGUMENT` */
export function checkEnvelopeOptions(options: EnvelopeOptions): EnvelopeConfig {
  demandOptions('createEnvelope', options, envelopeOptions)
  const { keys, commitmentPolicy = 'require-encrypt-require-decrypt', limits = {} } = options
  const { requireContext = [], callTimeoutMs = 10_000, observe, clock = systemClock } = options
  demandRequirable(requireContext)
  if (!(typeof callTimeoutMs === 'number' && callTimeoutMs > 0)) {
    throw invalid('callTimeoutMs: expected a positive number of milliseconds')
  }
  demandClock('clock', clock)
  if (observe !== undefined && typeof observe !== 'function') throw invalid('observe: expected a function')
  const keyring = keyringOf(keys)
  return {
    keyring,
    commitmentPolicy: demandPolicy(commitmentPolicy),
    contexts: new CallerContexts([...requireContext]),
    requireAuthenticatedWriter:
      demandBoolean('requireAuthenticatedWriter', options.requireAuthenticatedWriter) ?? false,
    cache: options.cache === undefined ? undefined : partitionOf(options.cache, keyring),
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

/** Under what conditions one message's providers are called. */
export function callConditions(config: EnvelopeConfig, signal: AbortSignal | undefined): CallConditions {
  const { callTimeoutMs, clock, observe } = config
  return { signal, callTimeoutMs, clock, observe }
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
