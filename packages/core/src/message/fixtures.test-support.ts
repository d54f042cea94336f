import type { CallOptions, KeyContext, KeyProvider } from '../keys/key-provider.ts'
import { pattern } from '../pattern.test-support.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { createEnvelope, type Envelope } from './envelope.ts'
import { factsOf, type Pair } from './reference-format.test-support.ts'
import type { ReadMessage } from './reference-reader.test-support.ts'
import { spyEntry, writeMessage } from './reference-writer.test-support.ts'

/** The policy that reads and the one that writes messages without commitment. */
export const forbid = 'forbid-encrypt-allow-decrypt'
export const allow = 'require-encrypt-allow-decrypt'

export interface SpyOptions {
  readonly name?: string
  readonly providerId?: string
  /** What `generateDataKey` hands out (a copy). By default bytes of the asked length. */
  readonly dataKey?: Uint8Array
  /** Called before every operation; may throw, or wait. */
  readonly before?: (operation: string, options: CallOptions) => Promise<void> | void
  readonly authenticatesWriter?: boolean
}

/** A provider that records how it is called, and keeps what it handed out. Its wrapping turns over every byte. */
export interface Spy {
  readonly provider: KeyProvider
  readonly calls: string[]
  readonly requests: (KeyContext & { readonly length?: number })[]
  readonly secrets: SecretBytes[]
  readonly signals: AbortSignal[]
}

export function spyProvider(options: SpyOptions = {}): Spy {
  const { name = 'spy', providerId = 'spy', before, authenticatesWriter = true } = options
  const spy = {
    calls: [] as string[],
    requests: [] as KeyContext[],
    secrets: [] as SecretBytes[],
    signals: [] as AbortSignal[],
  }
  const enter = async (operation: string, request: KeyContext, call: CallOptions): Promise<void> => {
    spy.calls.push(operation)
    spy.requests.push(request)
    spy.signals.push(call.signal)
    await before?.(operation, call)
  }
  const keep = (bytes: Uint8Array): SecretBytes => {
    const secret = SecretBytes.from(bytes)
    spy.secrets.push(secret)
    return secret
  }
  const provider: KeyProvider = {
    name,
    providerId,
    bindsContext: false,
    authenticatesWriter,
    accepts: (entry: EncryptedDataKey) => entry.providerId === providerId,
    async generateDataKey(request, call) {
      await enter('generateDataKey', request, call)
      const bytes = options.dataKey?.slice() ?? pattern(request.length, 77)
      return { entry: { ...spyEntry(bytes), providerId }, dataKey: keep(bytes) }
    },
    async wrapDataKey(request, call) {
      await enter('wrapDataKey', request, call)
      return { ...spyEntry(request.dataKey.bytes), providerId }
    },
    async unwrapDataKey(request, call) {
      await enter('unwrapDataKey', request, call)
      return keep(request.entry.ciphertext.map((byte) => byte ^ 0xff))
    },
  }
  return { provider, ...spy }
}

export interface SetUp {
  readonly dataKey: Uint8Array
  readonly spy: Spy
  readonly envelope: Envelope
}

/** What messages of a suite are sealed and opened with, under the policy that writes them. */
export function setUp(suite: number): SetUp {
  const dataKey = pattern(factsOf(suite).bits / 8, 3)
  const spy = spyProvider({ dataKey })
  const policy = factsOf(suite).version === 1 ? ({ commitmentPolicy: forbid } as const) : {}
  return { dataKey, spy, envelope: createEnvelope({ keys: spy.provider, ...policy }) }
}

/** The message that was read, written anew by the reference, given what is random in it; without its footer. */
export function rebuild(read: ReadMessage, dataKey: Uint8Array, withheld: readonly Pair[] = []): Buffer {
  const { suite, messageId, frameLength, pairs } = read
  const { header, frames } = writeMessage({
    suite,
    dataKey,
    messageId,
    frameLength,
    context: pairs,
    keepsOrder: true,
    showsPublicKey: false,
    withheld,
    wrap: () => [spyEntry(dataKey)],
    parts: read.frames.map((frame) => frame.plaintext),
  })
  return Buffer.concat([header, ...frames])
}
