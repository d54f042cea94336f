import { type Clock, demandClock, systemClock } from '../clock.ts'
import { demandBoolean, demandOptions, optionNames } from '../demand-options.ts'
import { demandNotAborted, type ErrorCode, KeyfoldError } from '../errors.ts'
import type { CallOptions, KeyProvider } from '../keys/key-provider.ts'
import type { ProviderOperation } from '../observe.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptionContext } from '../wire/context.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { MemoryKey } from './memory-key.ts'
import type { ScriptTerms } from './script.ts'
import { ScriptedService } from './scripted-service.ts'

/** A call that memory keys answer. */
export type MemoryKeysOperation = ProviderOperation | 'describe'

const operations = ['generateDataKey', 'wrapDataKey', 'unwrapDataKey', 'describe'] as const

/** Options of {@link memoryKeys}. */
export interface MemoryKeysOptions {
  /** The key's name, in its entries too: keys of another name do not accept them. By default a random one. */
  readonly name?: string | undefined
  /** The provider id of its entries. Default `memory`. */
  readonly providerId?: string | undefined
  /** Whether a data key opens only under its context. Default true. */
  readonly bindsContext?: boolean | undefined
  /** Default true. */
  readonly authenticatesWriter?: boolean | undefined
  /** What `delay` waits by, and `calls` are dated by: the envelope's, as a rule. The system's by default. */
  readonly clock?: Clock | undefined
}

/** A call that reached the keys. */
export interface MemoryKeysCall {
  readonly operation: MemoryKeysOperation
  /** The context that it was made with; empty for `describe`. */
  readonly context: EncryptionContext
  /** When it came, in milliseconds since the Unix epoch. */
  readonly calledAt: number
  /** Its own: shows whether the call was given up. */
  readonly signal: AbortSignal
}

/** Which calls fail or wait: all of them, unless it says less. */
export type MemoryKeysTerms = ScriptTerms<MemoryKeysOperation>

/** A key service of this process, and what a test makes of it. */
export interface MemoryKeys extends KeyProvider {
  /** Every call so far, in order; grows with each. */
  readonly calls: readonly MemoryKeysCall[]
  /** Whether `close` was called; every call is `INVALID_ARGUMENT` since. */
  readonly closed: boolean
  /**
   * Lets calls fail. Where several lines apply, those with `times` come first, in their order, and of the others the last
   * one holds.
   *
   * @param failure a code, or the error itself where it should say more, such as `retryAfterMs`
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  fail(failure: ErrorCode | KeyfoldError, terms?: MemoryKeysTerms): void
  /** Lets calls wait so many milliseconds of the clock before they are answered, or fail. Several lines apply as with `fail`. @throws KeyfoldError `INVALID_ARGUMENT` */
  delay(ms: number, terms?: MemoryKeysTerms): void
  /** Lets calls wait until they are aborted, or until `recover()`. @throws KeyfoldError `INVALID_ARGUMENT` */
  hang(terms?: MemoryKeysTerms): void
  /** The service is well again: no call fails or waits any more, and those that wait are answered now. */
  recover(): void
  /** Seals under a new version from now on; entries of the older ones still open. */
  rotate(): void
  /**
   * The same key as somebody has it who may make these calls alone: `keys.only('unwrapDataKey')` is a reader's. Calls are
   * recorded, fail and wait here as well.
   *
   * @throws KeyfoldError `INVALID_ARGUMENT`
   */
  only(...operations: readonly MemoryKeysOperation[]): KeyProvider
}

/**
 * A key service in memory, for tests of code that uses Keyfold: a provider on a random AES key of its own, whose entries
 * are truly sealed, so that another context, a damaged entry or a foreign one fail as they do in earnest; and which fails
 * and waits where a test tells it to.
 *
 * @throws KeyfoldError `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { anyOf, createEnvelope } from '@keyfold/core'
 * import { memoryKeys } from '@keyfold/core/testing'
 *
 * const main = memoryKeys({ name: 'main' })
 * const spare = memoryKeys({ name: 'spare' })
 * const envelope = createEnvelope({ keys: anyOf(main, spare) })
 * const sealed = await envelope.encrypt(new Uint8Array(10), { context: { tenant: 't-42' } })
 *
 * main.fail('UNAVAILABLE', { operation: 'unwrapDataKey' })
 * const { openedBy } = await envelope.decrypt(sealed)
 * console.log(openedBy.name) // spare
 * console.log(main.calls.map(({ operation }) => operation)) // [ 'generateDataKey', 'unwrapDataKey' ]
 * ```
 */
export function memoryKeys(options: MemoryKeysOptions = {}): MemoryKeys {
  const { clock, ...identity } = checkOptions(options)
  const key = new MemoryKey(identity.name, identity.providerId, identity.bindsContext)
  const service = new ScriptedService(identity.name, operations, clock)
  const calls: MemoryKeysCall[] = []
  let closed = false

  const answered = callsOf(key, async (operation, context, { signal }) => {
    demandNotAborted(signal)
    calls.push({ operation, context, calledAt: clock.now(), signal })
    if (closed) throw invalid(`${identity.name}: closed`)
    await service.befall(operation, signal)
  })
  const shared = {
    ...identity,
    accepts: (entry: EncryptedDataKey) => key.accepts(entry),
    close: async () => {
      closed = true
    },
  }
  return {
    ...shared,
    ...answered,
    calls,
    get closed() {
      return closed
    },
    fail: (failure, terms) => service.fail(failure, terms),
    delay: (ms, terms) => service.delay(ms, terms),
    hang: (terms) => service.hang(terms),
    recover: () => service.recover(),
    rotate: () => key.rotate(),
    only: (...names) => ({ ...shared, ...pick(answered, names) }),
  }
}

type Calls = Required<Pick<KeyProvider, MemoryKeysOperation>>

/** @param enter what every call goes through first */
function callsOf(
  key: MemoryKey,
  enter: (operation: MemoryKeysOperation, context: EncryptionContext, options: CallOptions) => Promise<void>,
): Calls {
  return {
    async generateDataKey(request, options) {
      await enter('generateDataKey', request.context, options)
      const dataKey = SecretBytes.from(crypto.getRandomValues(new Uint8Array(request.length)))
      try {
        return { dataKey, entry: await key.wrap(dataKey, request, options) }
      } catch (error) {
        dataKey[Symbol.dispose]()
        throw error
      }
    },
    async wrapDataKey(request, options) {
      await enter('wrapDataKey', request.context, options)
      return key.wrap(request.dataKey, request, options)
    },
    async unwrapDataKey(request, options) {
      await enter('unwrapDataKey', request.context, options)
      return key.unwrap(request.entry, request.length, request, options)
    },
    async describe(options) {
      await enter('describe', {}, options)
      return { state: 'enabled', version: key.version }
    },
  }
}

function pick(calls: Calls, names: readonly MemoryKeysOperation[]): Partial<Calls> {
  const unknown = names.find((name) => !operations.includes(name))
  if (unknown !== undefined) throw invalid(`only: expected some of ${operations.join(', ')}`)
  return Object.fromEntries(names.map((name) => [name, calls[name]]))
}

const memoryKeysOptions = optionNames<MemoryKeysOptions>({
  name: true,
  providerId: true,
  bindsContext: true,
  authenticatesWriter: true,
  clock: true,
})

type CheckedOptions = { readonly [Name in keyof MemoryKeysOptions]-?: NonNullable<MemoryKeysOptions[Name]> }

function checkOptions(options: MemoryKeysOptions): CheckedOptions {
  demandOptions('memoryKeys', options, memoryKeysOptions)
  const { name = randomName(), providerId = 'memory' } = options
  for (const [what, text] of Object.entries({ name, providerId })) {
    if (typeof text !== 'string' || text === '') throw invalid(`memoryKeys: ${what}: expected text that is not empty`)
  }
  const { clock = systemClock } = options
  demandClock('memoryKeys: clock', clock)
  const bindsContext = demandBoolean('memoryKeys: bindsContext', options.bindsContext) ?? true
  const authenticatesWriter = demandBoolean('memoryKeys: authenticatesWriter', options.authenticatesWriter) ?? true
  return { name, providerId, bindsContext, authenticatesWriter, clock }
}

/** Keys that nobody named do not accept each other's entries. */
function randomName(): string {
  return `memory-${crypto.randomUUID().slice(0, 8)}`
}

function invalid(message: string): KeyfoldError {
  return new KeyfoldError('INVALID_ARGUMENT', message)
}
