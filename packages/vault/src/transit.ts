import { createHash } from 'node:crypto'
import {
  type CallOptions,
  demandOptions,
  type EncryptedDataKey,
  type GeneratedDataKey,
  type GenerateRequest,
  type KeyConcern,
  type KeyContext,
  KeyfoldError,
  type KeyProvider,
  optionNames,
  SecretBytes,
  type UnwrapRequest,
  type WrapRequest,
} from '@keyfold/core'
import { demandKeyName, demandPath } from './names.ts'
import { remembered } from './remembered.ts'
import { demandAnswer, demandCiphertext, isTransitText, secretIn } from './transit-answers.ts'
import { isRootToken, keyHealth, type TransitKeyHealth } from './transit-health.ts'
import { type Binding, bindingOf, type KeyReading, parseKeyReading } from './transit-key.ts'
import { type ConnectionOptions, connectionOptionNames, connectVault } from './vault-client.ts'

/** How a key of Transit is reached, and what it has to be. */
export interface TransitOptions extends ConnectionOptions {
  /** Where the engine is mounted. Default `transit`. */
  readonly mount?: string | undefined
  /**
   * How the key binds the context: `derived` for a key made with `derived=true`, `aad` for any other AEAD key. Not given,
   * either will do, and the key itself says which it is. `none` is for a key that can bind nothing (RSA), which is otherwise
   * refused: its entries open under any context, and the message's header alone protects the context.
   */
  readonly binding?: Binding | undefined
}

/** A key of Transit, as a provider. */
export interface TransitKey extends Required<KeyProvider> {
  /**
   * Its state, versions and rotation, and what somebody should look at.
   *
   * @throws KeyfoldError for a key that would be refused, as {@link transit} says; the codes of the README's table
   */
  describe(options: CallOptions): Promise<TransitKeyHealth>
}

const providerId = 'vault-transit'

/**
 * Wraps data keys with a key of the Transit engine of HashiCorp Vault or OpenBao. Binds the context, as the SHA-256 of its
 * serialization: as `context` of a derived key, as `associated_data` of any other AEAD key. The key's kind is read once,
 * before its first use; a key that is missing is `KEY_NOT_FOUND` and is not created.
 *
 * No call is made here. Address, namespace, authority and token are taken from the options, else from `VAULT_ADDR`,
 * `VAULT_NAMESPACE`, `VAULT_CACERT`, and `VAULT_TOKEN` or `~/.vault-token`; never from a message.
 *
 * @param key its name in the engine
 * @throws KeyfoldError `INVALID_ARGUMENT`; its calls `POLICY_VIOLATION` for a key that binds nothing, `UNSUPPORTED` for one
 *   that does not encrypt, and the codes of the README's table
 *
 * @example
 * ```ts
 * import { createEnvelope } from '@keyfold/core'
 * import { tokenFile, transit } from '@keyfold/vault'
 *
 * const address = 'https://vault.example:8200'
 * const keys = transit('orders', { address, auth: tokenFile('/run/vault/token') })
 * const envelope = createEnvelope({ keys, requireContext: ['tenant'] })
 * console.log(keys.name, keys.bindsContext) // transit/orders true
 * await envelope.close()
 * ```
 */
export function transit(key: string, options: TransitOptions = {}): TransitKey {
  demandOptions(
    'transit',
    options,
    optionNames<TransitOptions>({ mount: true, binding: true, ...connectionOptionNames }),
  )
  const engine = engineOf(key, options)
  const bindsContext = options.binding !== 'none'
  return {
    name: engine.name,
    providerId,
    bindsContext,
    // What can bind nothing may be an RSA key: whoever reads it has its public half, and can wrap without the service.
    authenticatesWriter: bindsContext,
    accepts: (entry) => entry.providerId === providerId && Buffer.compare(entry.providerInfo, engine.info) === 0,
    generateDataKey: (request, call) => generate(engine, request, call),
    wrapDataKey: (request, call) => wrap(engine, request, call),
    unwrapDataKey: (request, call) => unwrap(engine, request, call),
    describe: (call) => describe(engine, call),
    close: () => engine.close(),
  }
}

/** One key of the engine, as its operations see it. */
interface KeyEngine {
  /** `[namespace/]mount/key`: what entries hold, in UTF-8, and what errors say. */
  readonly name: string
  readonly info: Uint8Array
  read(call: CallOptions): Promise<KeyReading>
  /** Of the way to the key, not of the key. */
  concerns(call: CallOptions): Promise<readonly KeyConcern[]>
  /** Read once. */
  binding(call: CallOptions): Promise<Binding>
  /** @throws KeyfoldError for a key that is not used, as {@link bindingOf} */
  bindingIn(reading: KeyReading): Binding
  /** @param parse is given the `data` of the answer */
  post<Answer>(operation: Operation, body: object, parse: (data: object) => Answer, call: CallOptions): Promise<Answer>
  close(): Promise<void>
}

type Operation = 'datakey/plaintext' | 'encrypt' | 'decrypt'

function engineOf(
  key: string,
  { mount: given = 'transit', binding: wanted, ...connection }: TransitOptions,
): KeyEngine {
  demandKeyName(key)
  demandBinding(wanted)
  const mount = demandPath('mount', given)
  const vault = connectVault(connection)
  const name = [...(vault.namespace === undefined ? [] : [vault.namespace]), mount.text, key].join('/')
  const pathOf = (operation: string): string => `/${mount.encoded}/${operation}/${key}`
  const bindingIn = (reading: KeyReading): Binding => bindingOf(name, reading, wanted)
  const read: KeyEngine['read'] = (call) => {
    const parse = (body: unknown): KeyReading => parseKeyReading(demandAnswer(body))
    return vault.send({ what: `${name}: reading the key`, method: 'GET', path: pathOf('keys'), parse }, call)
  }
  return {
    name,
    info: new TextEncoder().encode(name),
    read,
    async concerns(call) {
      const plain = vault.isPlainHttp ? (['plain-http'] as const) : []
      return (await isRootToken(vault, name, call)) ? [...plain, 'root-token'] : plain
    },
    binding: remembered(async (call) => bindingIn(await read(call))),
    bindingIn,
    post(operation, body, parse, call) {
      const request = { what: `${name}: ${operation}`, method: 'POST', path: pathOf(operation), body } as const
      return vault.send({ ...request, parse: (answer) => parse(demandAnswer(answer)) }, call)
    },
    close: () => vault.close(),
  }
}

async function generate(engine: KeyEngine, request: GenerateRequest, call: CallOptions): Promise<GeneratedDataKey> {
  const bits = request.length * 8
  const binding = await engine.binding(call)
  // For other keys the service binds nothing to a data key that it draws; and 192 bits it does not draw.
  if (binding !== 'derived' || !drawnBits.has(bits)) return drawAndWrap(engine, request, call)
  const parse = (data: object): GeneratedDataKey => ({ entry: entryOf(engine, data), dataKey: secretIn(data) })
  return engine.post('datakey/plaintext', { bits, ...boundTo(binding, request) }, parse, call)
}

const drawnBits: ReadonlySet<number> = new Set([128, 256])

async function drawAndWrap(engine: KeyEngine, request: GenerateRequest, call: CallOptions): Promise<GeneratedDataKey> {
  const dataKey = SecretBytes.from(crypto.getRandomValues(new Uint8Array(request.length)))
  try {
    return { entry: await wrap(engine, { ...request, dataKey }, call), dataKey }
  } catch (error) {
    dataKey[Symbol.dispose]()
    throw error
  }
}

async function wrap(engine: KeyEngine, request: WrapRequest, call: CallOptions): Promise<EncryptedDataKey> {
  // Before anything is sent: the service would make a key that it does not have.
  const binding = await engine.binding(call)
  const { buffer, byteOffset, length } = request.dataKey.bytes
  const plaintext = Buffer.from(buffer, byteOffset, length).toString('base64')
  const parse = (data: object): EncryptedDataKey => entryOf(engine, data)
  return engine.post('encrypt', { plaintext, ...boundTo(binding, request) }, parse, call)
}

async function unwrap(engine: KeyEngine, request: UnwrapRequest, call: CallOptions): Promise<SecretBytes> {
  const binding = await engine.binding(call)
  const ciphertext = Buffer.from(request.entry.ciphertext).toString('latin1')
  // The service would read v0 as v1 and pass over stray bits: one entry, one text.
  if (!isTransitText(ciphertext)) {
    throw new KeyfoldError('AUTHENTICATION_FAILED', `${engine.name}: decrypt: the entry is no ciphertext of Transit`)
  }
  return engine.post('decrypt', { ciphertext, ...boundTo(binding, request) }, secretIn, call)
}

async function describe(engine: KeyEngine, call: CallOptions): Promise<TransitKeyHealth> {
  const reading = await engine.read(call)
  engine.bindingIn(reading) // a key that would be refused is not called enabled
  return keyHealth(reading, await engine.concerns(call))
}

/** What an operation is given for the context to be bound. */
function boundTo(binding: Binding, { contextBytes }: KeyContext): object {
  if (binding === 'none') return {}
  const digest = createHash('sha256').update(contextBytes).digest('base64')
  return binding === 'derived' ? { context: digest } : { associated_data: digest }
}

function entryOf({ info }: KeyEngine, data: object): EncryptedDataKey {
  return { providerId, providerInfo: Uint8Array.from(info), ciphertext: demandCiphertext(data) }
}

function demandBinding(binding: unknown): void {
  if (binding === undefined || binding === 'derived' || binding === 'aad' || binding === 'none') return
  throw new KeyfoldError('INVALID_ARGUMENT', "transit: binding: expected 'derived', 'aad' or 'none'")
}
