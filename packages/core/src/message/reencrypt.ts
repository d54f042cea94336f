import { wipe } from '../secret-bytes.ts'
import type { Flow } from '../stream/pump.ts'
import { quietPromise } from '../stream/quiet-promise.ts'
import type { EncryptionContext } from '../wire/context.ts'
import type { MessageHeader } from '../wire/inspect.ts'
import { parseHeader } from '../wire/parse-header.ts'
import {
  checkDecryptOptions,
  type EncryptOptions,
  type ReencryptOptions,
  type ReencryptStreamOptions,
} from './call-options.ts'
import { demandNames } from './context.ts'
import { decrypt } from './decrypt.ts'
import { decryptFlow } from './decrypt-stream.ts'
import { encrypt } from './encrypt.ts'
import { encryptFlow } from './encrypt-stream.ts'
import type { EnvelopeConfig } from './envelope-options.ts'
import { planForm } from './sealing.ts'

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
  const signal = eitherOf(options.signal, seal.signal)
  const { plaintext, context } = await decrypt(from, bytes, { ...opening, signal })
  try {
    const shown = parseHeader(bytes, from.limits).context.pairs
    return await encrypt(withFreshKeys(to), plaintext, {
      ...carryOver(context, withheldNames(context, shown), seal),
      signal,
    })
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
    signal: eitherOf(options.signal, seal.signal),
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

/**
 * Without its cache, in which the very data key of the old message may be, wrapped by the key that the message is to leave.
 * To a stream, whose length is not known, no cached data key is lent anyway.
 */
function withFreshKeys(config: EnvelopeConfig): EnvelopeConfig {
  return { ...config, cache: undefined }
}

/** As far as it can be known before the message is opened. @throws KeyfoldError as `encrypt` */
function checkSeal(to: EnvelopeConfig, seal: EncryptOptions): void {
  planForm(to, seal, 'encrypt')
  if (seal.context !== undefined) to.contexts.check(seal.context, seal.withheld)
  else if (seal.withheld !== undefined) demandNames(seal.withheld)
}

/** One signal that is aborted as soon as one of the two is. */
function eitherOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return AbortSignal.any([one, other])
}

/** The names of a context that a header does not show. */
function withheldNames(context: EncryptionContext, shown: EncryptionContext): readonly string[] {
  return Object.keys(context).filter((name) => !(name in shown))
}

/** How to seal what was opened: with the same context, of which the same is withheld, unless `seal` names others. */
function carryOver(context: EncryptionContext, withheld: readonly string[], seal: EncryptOptions): EncryptOptions {
  const next = seal.context ?? context
  return { ...seal, context: next, withheld: seal.withheld ?? withheld.filter((name) => Object.hasOwn(next, name)) }
}

async function* startingWith<T>(
  first: IteratorResult<T, void>,
  rest: AsyncGenerator<T, void>,
): AsyncGenerator<T, undefined> {
  if (first.done !== true) yield first.value
  yield* rest
  return undefined
}
