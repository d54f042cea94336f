import { engine } from '#engine'
import { KeyfoldError } from '../errors.ts'
import { tell } from '../observe.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import type { GeneratedDataKey, KeyContext, KeyProvider } from './key-provider.ts'
import { type CallConditions, callProvider, named } from './provider-call.ts'

/*
 * A data key's three moves, each one call to one provider with what core owes it: the capability is there, the length is
 * right, and nothing that was handed out stays unwiped.
 */

/** Whether the provider can make an entry. */
export function canSeal(provider: KeyProvider): boolean {
  return provider.wrapDataKey !== undefined || provider.generateDataKey !== undefined
}

/** A new data key of `length` bytes, made by the provider, or drawn here and wrapped by it. The caller owns it. */
export async function generateDataKey(
  provider: KeyProvider,
  request: { readonly length: number } & KeyContext,
  conditions: CallConditions,
): Promise<GeneratedDataKey> {
  const startedAt = conditions.observe && conditions.clock.monotonic()
  const generated =
    provider.generateDataKey === undefined
      ? await drawDataKey(provider, request, conditions)
      : await askForDataKey(provider, request, conditions)
  tell(conditions.observe, () => ({ type: 'data-key-generated', ...named(provider), ...since(startedAt, conditions) }))
  return generated
}

async function askForDataKey(
  provider: KeyProvider,
  request: { readonly length: number } & KeyContext,
  conditions: CallConditions,
): Promise<GeneratedDataKey> {
  const generated = await callProvider(
    provider,
    'generateDataKey',
    conditions,
    async (options) => demandCapability(provider, 'generateDataKey', await provider.generateDataKey?.(request, options)),
    (late) => late.dataKey[Symbol.dispose](),
  )
  try {
    demandLength(provider, generated.dataKey, request.length)
    demandEntry(provider, generated.entry)
  } catch (error) {
    generated.dataKey[Symbol.dispose]()
    throw error
  }
  return generated
}

async function drawDataKey(
  provider: KeyProvider,
  request: { readonly length: number } & KeyContext,
  conditions: CallConditions,
): Promise<GeneratedDataKey> {
  const dataKey = SecretBytes.from(engine.randomBytes(request.length))
  try {
    const { context, contextBytes } = request
    return { dataKey, entry: await callToWrap(provider, { dataKey, context, contextBytes }, conditions) }
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
}

/** The data key's entry for a further recipient. */
export async function wrapDataKey(
  provider: KeyProvider,
  request: { readonly dataKey: SecretBytes } & KeyContext,
  conditions: CallConditions,
): Promise<EncryptedDataKey> {
  const startedAt = conditions.observe && conditions.clock.monotonic()
  const entry = await callToWrap(provider, request, conditions)
  tell(conditions.observe, () => ({ type: 'data-key-wrapped', ...named(provider), ...since(startedAt, conditions) }))
  return entry
}

async function callToWrap(
  provider: KeyProvider,
  request: { readonly dataKey: SecretBytes } & KeyContext,
  conditions: CallConditions,
): Promise<EncryptedDataKey> {
  const entry = await callProvider(
    provider,
    'wrapDataKey',
    conditions,
    async (options) => demandCapability(provider, 'wrapDataKey', await provider.wrapDataKey?.(request, options)),
    () => {},
  )
  demandEntry(provider, entry)
  return entry
}

/** The data key in an entry: of the right length, but proved by nothing yet. The caller owns it. */
export async function unwrapDataKey(
  provider: KeyProvider,
  request: { readonly entry: EncryptedDataKey; readonly length: number } & KeyContext,
  conditions: CallConditions,
): Promise<SecretBytes> {
  const dataKey = await callProvider(
    provider,
    'unwrapDataKey',
    conditions,
    async (options) => demandCapability(provider, 'unwrapDataKey', await provider.unwrapDataKey?.(request, options)),
    (late) => late[Symbol.dispose](),
  )
  try {
    demandLength(provider, dataKey, request.length)
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
  return dataKey
}

function demandCapability<T>(provider: KeyProvider, operation: string, answer: T | undefined): T {
  if (answer !== undefined) return answer
  throw new KeyfoldError('UNSUPPORTED', `${provider.name}: it has no ${operation}`)
}

/** A key of another length is another key: as with every wrong key, the answer is `AUTHENTICATION_FAILED`. */
function demandLength(provider: KeyProvider, dataKey: SecretBytes, length: number): void {
  if (dataKey.length === length) return
  const message = `${provider.name}: a data key of ${dataKey.length} bytes where the suite needs ${length}`
  throw new KeyfoldError('AUTHENTICATION_FAILED', message)
}

/** Every field of an entry has a two-byte length. */
function demandEntry(provider: KeyProvider, { providerId, providerInfo, ciphertext }: EncryptedDataKey): void {
  const fits = providerInfo.length <= 0xffff && ciphertext.length <= 0xffff && providerId.length <= 0xffff / 3
  if (fits && providerId.isWellFormed()) return
  throw new KeyfoldError('UNKNOWN', `${provider.name}: it made an entry that the format cannot hold`)
}

function since(startedAt: number | undefined, { clock }: CallConditions): { readonly durationMs: number } {
  return { durationMs: clock.monotonic() - (startedAt ?? 0) }
}
