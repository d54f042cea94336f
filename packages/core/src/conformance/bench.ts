import type { CallOptions, GeneratedDataKey, KeyContext, KeyProvider } from '../keys/key-provider.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { demand, present } from './assert.ts'
import { usualContext } from './contexts.ts'
import type { Capability, KeyProviderSubject } from './subject.ts'

/** What one case works with. */
export interface Bench {
  readonly subject: KeyProviderSubject
  readonly provider: KeyProvider
  /** What makes entries: the provider, or its counterpart; undefined where neither can. */
  readonly sealer: KeyProvider | undefined
  /** What opens entries: likewise. */
  readonly opener: KeyProvider | undefined
}

export async function benchOf(subject: KeyProviderSubject): Promise<Bench> {
  const provider = await subject.provider()
  const seals = declares(provider, 'wrapDataKey') || declares(provider, 'generateDataKey')
  const opens = declares(provider, 'unwrapDataKey')
  const counterpart = seals && opens ? undefined : await subject.counterpart?.()
  return { subject, provider, sealer: seals ? provider : counterpart, opener: opens ? provider : counterpart }
}

export function declares(provider: KeyProvider, capability: Capability): boolean {
  return typeof provider[capability] === 'function'
}

/** Options of a call that nobody aborts. */
export function unhurried(): CallOptions {
  return { signal: new AbortController().signal }
}

export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length))
}

/** A data key's bytes, as a copy; the key is released. */
export function takeBytes(dataKey: SecretBytes): Uint8Array<ArrayBuffer> {
  demand(dataKey?.bytes instanceof Uint8Array, 'it gave no data key')
  const bytes = Uint8Array.from(dataKey.bytes)
  dataKey[Symbol.dispose]()
  return bytes
}

/** An entry's every byte, as a copy. */
export function copyOf({ providerId, providerInfo, ciphertext }: EncryptedDataKey): EncryptedDataKey {
  return { providerId, providerInfo: Uint8Array.from(providerInfo), ciphertext: Uint8Array.from(ciphertext) }
}

export async function generate(
  provider: KeyProvider,
  length: number,
  bound: KeyContext,
  options: CallOptions = unhurried(),
): Promise<GeneratedDataKey> {
  return present(await provider.generateDataKey?.({ length, ...bound }, options), 'generateDataKey or its answer')
}

/** Wraps a copy of the bytes, which is released. */
export async function wrap(
  provider: KeyProvider,
  bytes: Uint8Array,
  bound: KeyContext,
  options: CallOptions = unhurried(),
): Promise<EncryptedDataKey> {
  const dataKey = SecretBytes.from(Uint8Array.from(bytes))
  try {
    return present(await provider.wrapDataKey?.({ dataKey, ...bound }, options), 'wrapDataKey or its answer')
  } finally {
    dataKey[Symbol.dispose]()
  }
}

/** An entry unwrapped, as bytes that the caller has to itself. */
export async function unwrap(
  provider: KeyProvider,
  entry: EncryptedDataKey,
  length: number,
  bound: KeyContext,
  options: CallOptions = unhurried(),
): Promise<Uint8Array<ArrayBuffer>> {
  const answer = provider.unwrapDataKey?.({ entry, length, ...bound }, options)
  return takeBytes(present(await answer, 'unwrapDataKey or its answer'))
}

/** An entry, and what is in it. */
export interface Sealed {
  readonly entry: EncryptedDataKey
  readonly bytes: Uint8Array
  readonly bound: KeyContext
}

/** A data key and its entry, of the bench's sealer. @param bytes are not heeded by a sealer that only generates */
export async function seal(bench: Bench, bound?: KeyContext, bytes?: Uint8Array): Promise<Sealed> {
  return sealWith(present(bench.sealer, 'something that seals'), bound, bytes)
}

export async function sealWith(
  sealer: KeyProvider,
  bound: KeyContext = usualContext(),
  bytes: Uint8Array = randomBytes(32),
): Promise<Sealed> {
  if (declares(sealer, 'wrapDataKey')) return { entry: await wrap(sealer, bytes, bound), bytes, bound }
  const { dataKey, entry } = await generate(sealer, bytes.length, bound)
  return { entry, bytes: takeBytes(dataKey), bound }
}

/** An entry opened by the bench's opener. */
export function open(bench: Bench, { entry, bytes, bound }: Sealed): Promise<Uint8Array<ArrayBuffer>> {
  return unwrap(present(bench.opener, 'something that opens'), entry, bytes.length, bound)
}
