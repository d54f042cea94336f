/**
 * Envelope encryption: a data key seals the data, a wrapping key that never leaves its key service seals the data key.
 * Start at {@link createEnvelope}.
 *
 * @module
 */
export type { Clock } from './clock.ts'
export type { KeyHandle, RsaPadding } from './crypto/wrapping.ts'
export type { DataKeyCacheOptions } from './data-key-cache/cache-limits.ts'
export { type DataKeyCache, dataKeyCache } from './data-key-cache/data-key-cache.ts'
export { demandOptions, optionNames } from './demand-options.ts'
export { type Attempt, type ErrorCode, KeyfoldError, type KeyfoldErrorOptions } from './errors.ts'
export { anyOf } from './keys/any-of.ts'
export type {
  CallOptions,
  GeneratedDataKey,
  GenerateRequest,
  KeyConcern,
  KeyContext,
  KeyHealth,
  KeyProvider,
  UnwrapRequest,
  WrapRequest,
} from './keys/key-provider.ts'
export type { AnyOfOptions, Keyring } from './keys/keyring.ts'
export { isPlainHttp } from './keys/plain-http.ts'
export { type Adapter, createRegistry, type KeyScheme, type Registry } from './keys/registry.ts'
export type {
  DecryptOptions,
  DecryptRangeOptions,
  DecryptStreamOptions,
  EncryptOptions,
  EncryptStreamOptions,
  RangeOptions,
  ReencryptOptions,
  ReencryptStreamOptions,
} from './message/call-options.ts'
export type { Opened } from './message/decrypt.ts'
export {
  createEnvelope,
  type DecryptStream,
  type EncryptStream,
  type Envelope,
  type ReencryptStream,
} from './message/envelope.ts'
export type { EnvelopeOptions, Limits } from './message/envelope-options.ts'
export type { OpenedBy, OpenedHeader } from './message/opening.ts'
export type { RangeReader } from './message/range-reader.ts'
export type { RangeSource } from './message/range-source.ts'
export type { KeyfoldEvent, Observer, ProviderOperation } from './observe.ts'
export { type RawAesOptions, rawAes } from './raw/raw-aes.ts'
export { type RawRsaOptions, rawRsa } from './raw/raw-rsa.ts'
export { demandParameters, parseReference, type Reference } from './reference.ts'
export { SecretBytes } from './secret-bytes.ts'
export type { CommitmentPolicy } from './suite/policy.ts'
export { abortedBy, untilAborted } from './until-aborted.ts'
export type { EncryptionContext } from './wire/context.ts'
export type { EncryptedDataKey } from './wire/header.ts'
export { inspect, type MessageHeader, type UnverifiedHeader } from './wire/inspect.ts'
