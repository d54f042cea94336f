import { wipe } from '../secret-bytes.ts'
import type { Flow } from '../stream/pump.ts'
import { quietPromise } from '../stream/quiet-promise.ts'
import { suiteToSeal } from '../suite/policy.ts'
import type { EncryptionContext } from '../wire/context.ts'
import { inspect, type MessageHeader } from '../wire/inspect.ts'
import { decrypt } from './decrypt.ts'
import { decryptFlow } from './decrypt-stream.ts'
import { encrypt } from './encrypt.ts'
import { encryptFlow } from './encrypt-stream.ts'
import {
  checkDecryptOptions,
  checkEncryptOptions,
  type EncryptOptions,
  type EnvelopeConfig,
  type ReencryptOptions,
  type ReencryptStreamOptions,
} from './options.ts'

/**
 * Moves a message to other keys, recipients or another suite: decrypt into encrypt, with a fresh data key. A message is never
 * given another header in place: two headers under one data key and message id give away the key that authenticates them,
 * and every frame with them.
 */
export async function reencrypt(
  from: EnvelopeConfig,
  bytes: Uint8Array,
  to: EnvelopeConfig,
  options: ReencryptOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkDecryptOptions(options, 'reencrypt')
  const { seal = {}, ...opening } = options
  checkSeal(to, seal)
  const { plaintext, context } = await decrypt(from, bytes, opening)
  try {
    const { signal, ...sealing } = seal
    const carried = carryOver(context, withheldNames(context, inspect(bytes).context), sealing)
    return await encrypt(to, plaintext, { ...carried, signal: signal ?? options.signal })
  } finally {
    wipe(plaintext)
  }
}

/** A message on its way from one stream into another. */
export interface ReencryptFlow extends Flow {
  /** The new message's. */
  readonly header: Promise<MessageHeader>
}

/** @throws KeyfoldError before any key call, as `decryptStream`; for `seal` as `encryptStream` */
export function reencryptFlow(
  from: EnvelopeConfig,
  to: EnvelopeConfig,
  options: ReencryptStreamOptions = {},
): ReencryptFlow {
  checkDecryptOptions(options, 'reencryptStream')
  const { seal = {}, ...rest } = options
  checkSeal(to, seal)
  const opening = decryptFlow(from, rest)
  const header = quietPromise<MessageHeader>()
  return {
    header: header.promise,
    signal: options.signal,
    failed: header.reject,
    async *run(input, signal) {
      const plaintext = opening.run(input, signal)
      try {
        const first = await plaintext.next() // the header is verified by then
        const { context, withheld } = await opening.header
        const sealing = encryptFlow(to, carryOver(context, withheld, seal))
        sealing.header.then(header.resolve, header.reject)
        yield* sealing.run(startingWith(first, plaintext), signal)
      } finally {
        await plaintext.return()
      }
    },
  }
}

/** As far as it can be known before the message is opened. @throws KeyfoldError as `encrypt` */
function checkSeal(to: EnvelopeConfig, seal: EncryptOptions): void {
  checkEncryptOptions(to, seal, 'encrypt')
  suiteToSeal(to.commitmentPolicy, seal.suite, seal.sign)
}

/** The names of a context that a header does not show. */
function withheldNames(context: EncryptionContext, shown: EncryptionContext): readonly string[] {
  return Object.keys(context).filter((name) => !(name in shown))
}

/** How to seal what was opened: with the same context, of which the same is withheld, unless `seal` names others. */
function carryOver(context: EncryptionContext, withheld: readonly string[], seal: EncryptOptions): EncryptOptions {
  const next = seal.context ?? context
  return { ...seal, context: next, withheld: seal.withheld ?? withheld.filter((name) => name in next) }
}

async function* startingWith<T>(
  first: IteratorResult<T, void>,
  rest: AsyncGenerator<T, void>,
): AsyncGenerator<T, undefined> {
  if (first.done === true) return undefined
  yield first.value
  yield* rest
  return undefined
}
