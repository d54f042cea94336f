import { KeyfoldError } from '../errors.ts'
import type { CallOptions, KeyContext, KeyProvider } from '../keys/key-provider.ts'
import { rawAes } from '../raw/raw-aes.ts'
import type { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'

/** What the key of a made-up service does: raw AES-256, one key for each version. */
export class MemoryKey {
  readonly #name: string
  readonly #providerId: string
  readonly #bindsContext: boolean
  readonly #versions: KeyProvider[] = []

  constructor(name: string, providerId: string, bindsContext: boolean) {
    this.#name = name
    this.#providerId = providerId
    this.#bindsContext = bindsContext
    this.rotate()
  }

  get version(): string {
    return String(this.#versions.length)
  }

  /** Seals under a new version from now on; the older ones still open. */
  rotate(): void {
    const key = crypto.getRandomValues(new Uint8Array(32))
    const name = `${this.#name}/${this.#versions.length + 1}`
    this.#versions.push(rawAes({ namespace: rawNamespace, name, key }))
  }

  accepts(entry: EncryptedDataKey): boolean {
    return this.#versionOf(entry) !== undefined
  }

  async wrap(dataKey: SecretBytes, bound: KeyContext, options: CallOptions): Promise<EncryptedDataKey> {
    const entry = await this.#versions.at(-1)?.wrapDataKey?.({ dataKey, ...this.#binding(bound) }, options)
    if (entry === undefined) throw new KeyfoldError('UNSUPPORTED', `${this.#name}: it has no version that seals`)
    return { ...entry, providerId: this.#providerId }
  }

  /** @throws KeyfoldError `AUTHENTICATION_FAILED` */
  async unwrap(entry: EncryptedDataKey, length: number, bound: KeyContext, options: CallOptions): Promise<SecretBytes> {
    const request = { entry, length, ...this.#binding(bound) }
    const dataKey = await this.#versionOf(entry)?.unwrapDataKey?.(request, options)
    if (dataKey === undefined)
      throw new KeyfoldError('AUTHENTICATION_FAILED', `${this.#name}: the entry is not its own`)
    return dataKey
  }

  #versionOf(entry: EncryptedDataKey): KeyProvider | undefined {
    if (entry.providerId !== this.#providerId) return undefined
    return this.#versions.find((version) => version.accepts({ ...entry, providerId: rawNamespace }))
  }

  #binding({ context, contextBytes }: KeyContext): KeyContext {
    return this.#bindsContext ? { context, contextBytes } : { context: {}, contextBytes: new Uint8Array(0) }
  }
}

/** Within this file only: entries bear the provider id that the test chose, which may be one that `rawAes` refuses. */
const rawNamespace = 'memory'
