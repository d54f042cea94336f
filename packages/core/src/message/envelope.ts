import { KeyfoldError } from '../errors.ts'
import { decrypt, type Opened } from './decrypt.ts'
import { encrypt } from './encrypt.ts'
import { checkEnvelopeOptions, type DecryptOptions, type EncryptOptions, type EnvelopeOptions } from './options.ts'

/**
 * Seals and opens messages under one set of keys and rules. Made by {@link createEnvelope}; hold one for as long as its
 * keys serve.
 */
export interface Envelope<Context = Readonly<Record<string, string>>> extends AsyncDisposable {
  /**
   * Seals bytes whole.
   *
   * @param bytes must not change until the promise settles; a view on shared memory is refused
   * @returns the message, in memory of its own
   * @throws KeyfoldError before any key call: `INVALID_ARGUMENT`, `POLICY_VIOLATION`, `LIMIT_EXCEEDED`, `ABORTED`; from
   *   the keys: `UNSUPPORTED` where none can seal, `TIMEOUT`, the failed key's own code, or `NO_USABLE_KEY` with
   *   `attempts` where several failed
   */
  encrypt(bytes: Uint8Array, options?: EncryptOptions<Context> | undefined): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Opens a message whole. Nothing is returned before everything holds: header, context, every frame, the signature.
   *
   * @param bytes must not change until the promise settles; a view on shared memory is refused
   * @throws KeyfoldError before any key call: `INVALID_ARGUMENT`, `MALFORMED_MESSAGE`, `LIMIT_EXCEEDED`,
   *   `POLICY_VIOLATION`, `CONTEXT_MISMATCH`, `ABORTED`, and `NO_USABLE_KEY` without attempts where no key accepts an
   *   entry; then `AUTHENTICATION_FAILED` for whatever was altered or belongs to another key, `TIMEOUT`, the failed key's
   *   own code, or `NO_USABLE_KEY` with `attempts` where several failed
   */
  decrypt(bytes: Uint8Array, options?: DecryptOptions<Context> | undefined): Promise<Opened<Context>>
  /** Ends the envelope's own resources; not its keys, which it did not make. Later calls are `INVALID_ARGUMENT`. */
  close(): Promise<void>
}

/**
 * An envelope on the given keys.
 *
 * @typeParam Context the names that contexts have, such as `{ tenant: string }`. A returned context is only as sure to
 *   have them as `requireContext` makes it.
 * @throws KeyfoldError `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createEnvelope, rawAes } from '@keyfold/core'
 *
 * const keys = rawAes({ namespace: 'example', name: 'k1', key: crypto.getRandomValues(new Uint8Array(32)) })
 * const envelope = createEnvelope<{ tenant: string }>({ keys, requireContext: ['tenant'] })
 * const sealed = await envelope.encrypt(new TextEncoder().encode('order 7'), { context: { tenant: 't-42' } })
 * const { plaintext, context } = await envelope.decrypt(sealed, { context: { tenant: 't-42' } })
 * console.log(new TextDecoder().decode(plaintext), context.tenant) // order 7 t-42
 * ```
 */
export function createEnvelope<
  Context extends { readonly [Name in keyof Context]: string } = Readonly<Record<string, string>>,
>(options: EnvelopeOptions): Envelope<Context> {
  const config = checkEnvelopeOptions(options)
  let closed = false
  const refuse = async (): Promise<never> => {
    throw new KeyfoldError('INVALID_ARGUMENT', 'the envelope is closed')
  }
  const close = async (): Promise<void> => {
    closed = true
  }
  return {
    // Context only narrows the names of the options, and says what the caller expects of the result.
    encrypt: (bytes, options) => (closed ? refuse() : encrypt(config, bytes, options as EncryptOptions | undefined)),
    decrypt: (bytes, options) =>
      closed
        ? refuse()
        : (decrypt(config, bytes, options as DecryptOptions | undefined) as Promise<Opened> as Promise<
            Opened<Context>
          >),
    close,
    [Symbol.asyncDispose]: close,
  }
}
