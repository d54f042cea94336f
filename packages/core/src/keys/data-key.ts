import { engine } from '#engine'
import { KeyfoldError } from '../errors.ts'
import { type ProviderOperation, tell } from '../observe.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { copyOfEntry, type EncryptedDataKey } from '../wire/header.ts'
import { utf8Length } from '../wire/text.ts'
import { isInProcess } from './in-process.ts'
import type {
  GeneratedDataKey,
  GenerateRequest,
  KeyContext,
  KeyProvider,
  UnwrapRequest,
  WrapRequest,
} from './key-provider.ts'
import { type CallConditions, callProvider, named, type ProviderMove, startOf } from './provider-call.ts'

/*
 * A data key's three moves, each one call to one provider with what core owes it: the length is right, the entry fits the
 * format, and nothing that was handed out stays unwiped.
 */

const generate: ProviderMove<GenerateRequest, GeneratedDataKey> = {
  operation: 'generateDataKey',
  call: (provider, request, options) =>
    provider.generateDataKey?.(shielded(provider, request), options) ?? lacks(provider, 'generateDataKey'),
  check(provider, { dataKey, entry }, { length }) {
    demandDataKey(provider, dataKey, length)
    demandEntry(provider, entry)
  },
  discard: (generated) => wipeAnswer(generated?.dataKey),
}

const wrap: ProviderMove<WrapRequest, EncryptedDataKey> = {
  operation: 'wrapDataKey',
  call: (provider, request, options) =>
    provider.wrapDataKey?.(shielded(provider, request), options) ?? lacks(provider, 'wrapDataKey'),
  check: (provider, entry) => demandEntry(provider, entry),
  discard: () => undefined, // an entry is not secret
}

const unwrap: ProviderMove<UnwrapRequest, SecretBytes> = {
  operation: 'unwrapDataKey',
  call: (provider, request, options) =>
    provider.unwrapDataKey?.(shieldedEntry(provider, request), options) ?? lacks(provider, 'unwrapDataKey'),
  check: (provider, dataKey, { length }) => demandDataKey(provider, dataKey, length),
  discard: wipeAnswer,
}

/** What a stranger alters of what it is handed must reach neither the header nor the caller's message. */
function shielded<Request extends KeyContext>(provider: KeyProvider, request: Request): Request {
  return isInProcess(provider) ? request : { ...request, contextBytes: request.contextBytes.slice() }
}

function shieldedEntry(provider: KeyProvider, request: UnwrapRequest): UnwrapRequest {
  return isInProcess(provider) ? request : { ...shielded(provider, request), entry: copyOfEntry(request.entry) }
}

function lacks(provider: KeyProvider, operation: ProviderOperation): never {
  throw new KeyfoldError('UNSUPPORTED', `${provider.name}: it has no ${operation}`)
}

/** Whatever was answered: what is no data key has nothing to wipe. */
function wipeAnswer(dataKey: Partial<SecretBytes> | null | undefined): void {
  dataKey?.[Symbol.dispose]?.()
}

/** Whether the provider can make an entry. */
export function canSeal(provider: KeyProvider): boolean {
  return provider.wrapDataKey !== undefined || provider.generateDataKey !== undefined
}

/** A new data key, made by the provider, or drawn here and wrapped by it. The caller owns it. */
export function generateDataKey(
  provider: KeyProvider,
  request: GenerateRequest,
  conditions: CallConditions,
): Promise<GeneratedDataKey> {
  const make = provider.generateDataKey === undefined ? drawDataKey : askForDataKey
  return make(provider, request, conditions)
}

async function askForDataKey(
  provider: KeyProvider,
  request: GenerateRequest,
  conditions: CallConditions,
): Promise<GeneratedDataKey> {
  const startedAt = startOf(conditions)
  const generated = await callProvider(generate, provider, request, conditions)
  tellDone('data-key-generated', provider, startedAt, conditions)
  return generated
}

async function drawDataKey(
  provider: KeyProvider,
  { length, context, contextBytes }: GenerateRequest,
  conditions: CallConditions,
): Promise<GeneratedDataKey> {
  const startedAt = startOf(conditions)
  const dataKey = SecretBytes.from(engine.randomBytes(length))
  try {
    const entry = await callProvider(wrap, provider, { dataKey, context, contextBytes }, conditions)
    tellDone('data-key-generated', provider, startedAt, conditions)
    return { dataKey, entry }
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
}

/** The data key's entry for a further recipient. */
export async function wrapDataKey(
  provider: KeyProvider,
  request: WrapRequest,
  conditions: CallConditions,
): Promise<EncryptedDataKey> {
  const startedAt = startOf(conditions)
  const entry = await callProvider(wrap, provider, request, conditions)
  tellDone('data-key-wrapped', provider, startedAt, conditions)
  return entry
}

/** The data key in an entry: of the right length, but proved by nothing yet. The caller owns it. */
export function unwrapDataKey(
  provider: KeyProvider,
  request: UnwrapRequest,
  conditions: CallConditions,
): Promise<SecretBytes> {
  return callProvider(unwrap, provider, request, conditions)
}

/** Tells of a move that came off. */
export function tellDone(
  type: 'data-key-generated' | 'data-key-wrapped' | 'data-key-unwrapped',
  provider: KeyProvider,
  startedAt: number | undefined,
  { observe, clock }: CallConditions,
): void {
  if (observe === undefined) return
  tell(observe, () => ({ type, ...named(provider), durationMs: clock.monotonic() - (startedAt ?? 0) }))
}

/** A key of another length is another key: as with every wrong key, the answer is `AUTHENTICATION_FAILED`. */
function demandDataKey(provider: KeyProvider, dataKey: SecretBytes, length: number): void {
  const isDataKey = typeof dataKey?.[Symbol.dispose] === 'function' && dataKey.released !== true
  if (!isDataKey || !(dataKey.bytes instanceof Uint8Array)) {
    throw new KeyfoldError('UNKNOWN', `${provider.name}: it gave no data key`)
  }
  if (dataKey.bytes.length === length) return
  const message = `${provider.name}: a data key of ${dataKey.bytes.length} bytes where the suite needs ${length}`
  throw new KeyfoldError('AUTHENTICATION_FAILED', message)
}

/** Every field of an entry has a two-byte length. */
function demandEntry(provider: KeyProvider, entry: EncryptedDataKey): void {
  const { providerId, providerInfo, ciphertext } = entry ?? {}
  const isEntry = typeof providerId === 'string' && isBytes(providerInfo) && isBytes(ciphertext)
  if (isEntry && providerId.isWellFormed() && utf8Length(providerId) <= 0xffff) return
  throw new KeyfoldError('UNKNOWN', `${provider.name}: it made an entry that the format cannot hold`)
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length <= 0xffff
}
