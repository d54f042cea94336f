import type { EncryptedDataKey } from '../wire/header.ts'
import { type Bench, declares, open, type Sealed, seal, sealWith, unwrap, wrap } from './bench.ts'
import { keyContext, usualContext } from './contexts.ts'
import { outcomeOf } from './outcome.ts'

/** A failed call. */
export interface Failure {
  readonly what: string
  readonly error: unknown
}

/** What went wrong on purpose, and which data keys were at hand: none of them may show. */
export interface Provocation {
  readonly failures: readonly Failure[]
  readonly dataKeys: readonly Uint8Array[]
}

/** Makes a provider fail in every way that the bench can. What does not fail is well too. */
export async function provoke(bench: Bench): Promise<Provocation> {
  const { provider, subject } = bench
  const sealed = bench.sealer === undefined ? undefined : await seal(bench, usualContext(), letters(32))
  const long = letters(5000) // more than RSA seals, and more than most services take
  const short = letters(32)
  const attempts: Record<string, () => Promise<unknown>> = {}
  if (declares(provider, 'wrapDataKey')) {
    attempts['wrapDataKey aborted'] = () => wrap(provider, short, usualContext(), { signal: AbortSignal.abort() })
    attempts['wrapDataKey of 5000 bytes'] = () => wrap(provider, long, usualContext())
  }
  if (declares(provider, 'unwrapDataKey') && sealed !== undefined) Object.assign(attempts, unwrapping(bench, sealed))
  for (const [kind, factory] of Object.entries(subject.failures ?? {})) {
    const failing = await factory()
    if (declares(failing, 'wrapDataKey')) attempts[`${kind}: wrapDataKey`] = () => wrap(failing, short, usualContext())
    if (declares(failing, 'unwrapDataKey') && sealed !== undefined) {
      attempts[`${kind}: unwrapDataKey`] = () => unwrap(failing, sealed.entry, sealed.bytes.length, sealed.bound)
    }
  }
  const failures: Failure[] = []
  for (const [what, attempt] of Object.entries(attempts)) {
    const outcome = await outcomeOf(attempt)
    if ('error' in outcome) failures.push({ what, error: outcome.error })
  }
  return { failures, dataKeys: [short, long.subarray(0, 32), ...(sealed === undefined ? [] : [sealed.bytes])] }
}

/** Ways in which an entry does not open. */
function unwrapping(bench: Bench, sealed: Sealed): Readonly<Record<string, () => Promise<unknown>>> {
  const { entry, bytes, bound } = sealed
  const { provider } = bench
  const opened = (more: Partial<Sealed>) => () => open(bench, { ...sealed, ...more })
  const damaged = (more: Partial<EncryptedDataKey>) => () =>
    openAccepted(bench, { ...sealed, entry: { ...entry, ...more } })
  return {
    'unwrapDataKey aborted': () => unwrap(provider, entry, bytes.length, bound, { signal: AbortSignal.abort() }),
    'unwrapDataKey under another context': opened({ bound: keyContext({ another: 'context' }) }),
    'unwrapDataKey of another length': () => unwrap(provider, entry, 16, bound),
    'unwrapDataKey of a flipped bit': damaged({ ciphertext: flipLast(entry.ciphertext) }),
    'unwrapDataKey of a cut ciphertext': damaged({ ciphertext: entry.ciphertext.slice(0, -1) }),
    'unwrapDataKey of an empty ciphertext': damaged({ ciphertext: new Uint8Array(0) }),
    'unwrapDataKey of a flipped info': damaged({ providerInfo: flipLast(entry.providerInfo) }),
    'unwrapDataKey of a cut info': damaged({ providerInfo: entry.providerInfo.slice(0, -1) }),
    'unwrapDataKey of an empty info': damaged({ providerInfo: new Uint8Array(0) }),
    'unwrapDataKey of another key': () => openForeign(bench),
  }
}

/** Core offers no entry that `accepts` refuses, so that nothing is asked of a provider there. */
async function openAccepted(bench: Bench, sealed: Sealed): Promise<unknown> {
  return bench.provider.accepts(sealed.entry) ? open(bench, sealed) : undefined
}

async function openForeign(bench: Bench): Promise<unknown> {
  const other = await bench.subject.other?.()
  if (other === undefined || !(declares(other, 'wrapDataKey') || declares(other, 'generateDataKey'))) return undefined
  return openAccepted(bench, await sealWith(other))
}

function flipLast(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 0x01 : byte))
}

/** A data key of random letters: one that an error would show as text. */
function letters(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length)).map((byte) => 0x41 + (byte % 26) + (byte & 0x80 ? 0x20 : 0))
}
