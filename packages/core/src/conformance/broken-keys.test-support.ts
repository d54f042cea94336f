/* Providers that seal, open, or speak of themselves wrongly. */
import { createCipheriv } from 'node:crypto'
import { KeyfoldError } from '../errors.ts'
import { SecretBytes } from '../secret-bytes.ts'
import type { EncryptedDataKey } from '../wire/header.ts'
import { randomBytes } from './bench.ts'
import { type BrokenRow, row, type Sound, subjectOf } from './sound.test-support.ts'
import type { KeyProviderExpectations } from './subject.ts'

type Wrap = Sound['wrapDataKey']
type Unwrap = Sound['unwrapDataKey']
type Generate = Sound['generateDataKey']

const expecting = (what: string, expects: KeyProviderExpectations): BrokenRow => ({
  what,
  caughtBy: 'declares what is expected of it',
  subject: () => ({ ...subjectOf(), expects }),
})

const identity: readonly BrokenRow[] = [
  expecting('claims to bind the context', { bindsContext: false }),
  expecting('claims to authenticate the writer', { authenticatesWriter: false }),
  expecting('seals where it should only open', { capabilities: ['unwrapDataKey', 'describe', 'close'] }),
  {
    ...expecting('lost a capability', {}),
    subject: () => ({
      ...subjectOf(() => ({ unwrapDataKey: undefined })),
      expects: { capabilities: ['generateDataKey', 'wrapDataKey', 'unwrapDataKey', 'describe', 'close'] },
    }),
  },
  row('an empty name', 'has a name and a provider id that are well-formed text', () => ({ name: '' })),
  row('an ill-formed provider id', 'has a name and a provider id that are well-formed text', () => ({
    providerId: '\ud800',
  })),
  row('a property left out', 'says true or false of its properties', () => ({ bindsContext: undefined })),
  row('no capability at all', 'seals, or opens, or both', () => ({
    generateDataKey: undefined,
    wrapDataKey: undefined,
    unwrapDataKey: undefined,
  })),
  row('declares sealing that it lacks', 'seals through core, or is refused as UNSUPPORTED', () => ({
    generateDataKey: undefined,
    wrapDataKey: async () => Promise.reject(new KeyfoldError('UNSUPPORTED', 'not this key')),
  })),
  // Core takes null for a method, and then says UNSUPPORTED in place of NO_USABLE_KEY.
  row(
    'an undeclared capability that fails with a wrong code',
    'opens through core, or is refused as NO_USABLE_KEY',
    () => ({
      unwrapDataKey: null,
    }),
  ),
  row('declares opening that it lacks', 'opens through core, or is refused as NO_USABLE_KEY', () => ({
    unwrapDataKey: async () => Promise.reject(new KeyfoldError('UNSUPPORTED', 'not this key')),
  })),
]

const roundTrip: readonly BrokenRow[] = [
  row(
    'generates 32 bytes whatever is asked',
    'generates data keys of 16, 24 and 32 bytes that their entries open to',
    (s) => {
      const generateDataKey: Generate = (request, options) => s.generateDataKey({ ...request, length: 32 }, options)
      return { generateDataKey }
    },
  ),
  row(
    'generates one data key and its entry for another',
    'generates data keys of 16, 24 and 32 bytes that their entries open to',
    (s) => {
      const generateDataKey: Generate = async (request, options) => ({
        entry: (await s.generateDataKey(request, options)).entry,
        dataKey: SecretBytes.from(randomBytes(request.length)),
      })
      return { generateDataKey }
    },
  ),
  row('generates the same data key again', 'never generates a data key twice', (s) => {
    const generateDataKey: Generate = async ({ length, ...bound }, options) => {
      const dataKey = SecretBytes.from(new Uint8Array(length).map((_, at) => at))
      return { dataKey, entry: await s.wrapDataKey({ dataKey, ...bound }, options) }
    }
    return { generateDataKey }
  }),
  row('wraps another data key', 'wraps data keys of 16, 24 and 32 bytes that its entries open to', (s) => {
    const wrapDataKey: Wrap = (request, options) =>
      s.wrapDataKey({ ...request, dataKey: SecretBytes.from(randomBytes(request.dataKey.length)) }, options)
    return { wrapDataKey }
  }),
  row(
    "returns another key's plaintext",
    'unwraps entries to the data keys of 16, 24 and 32 bytes that are in them',
    (s) => {
      const another = randomBytes(32)
      const unwrapDataKey: Unwrap = async (request, options) => {
        await s.unwrapDataKey(request, options)
        return SecretBytes.from(another.slice(0, request.length))
      }
      return { unwrapDataKey }
    },
  ),
  row('unwraps to a wrong length', 'unwraps entries to the data keys of 16, 24 and 32 bytes that are in them', (s) => {
    const unwrapDataKey: Unwrap = async (request, options) =>
      SecretBytes.from((await s.unwrapDataKey(request, options)).bytes.slice(1))
    return { unwrapDataKey }
  }),
  row('opens an entry once only', 'unwraps an entry more than once, and in any order', (s) => {
    const seen = new Set<string>()
    const unwrapDataKey: Unwrap = (request, options) => {
      const shown = request.entry.ciphertext.join()
      const known = seen.has(shown)
      seen.add(shown)
      return known ? Promise.reject(new KeyfoldError('CONFLICT', 'replayed')) : s.unwrapDataKey(request, options)
    }
    return { unwrapDataKey }
  }),
  row('mixes up concurrent calls', 'keeps 20 concurrent calls apart', (s) => {
    let current: Parameters<Unwrap>[0] | undefined
    const unwrapDataKey: Unwrap = async (request, options) => {
      current = request
      await Promise.resolve()
      return s.unwrapDataKey(current, options)
    }
    return { unwrapDataKey }
  }),
]

const altered = (change: (entry: EncryptedDataKey, dataKey: SecretBytes) => EncryptedDataKey) => (s: Sound) => {
  const wrapDataKey: Wrap = async (request, options) => change(await s.wrapDataKey(request, options), request.dataKey)
  return { wrapDataKey }
}

/** Seals as AES-GCM does, with a nonce of zeros. */
const withoutNonce = (s: Sound) => {
  const key = randomBytes(32)
  const wrapDataKey: Wrap = async ({ dataKey, contextBytes }) => {
    const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(12)).setAAD(contextBytes)
    const sealed = [cipher.update(dataKey.bytes), cipher.final(), cipher.getAuthTag()]
    const providerInfo = new TextEncoder().encode(s.name)
    return { providerId: s.providerId, providerInfo, ciphertext: Buffer.concat(sealed) }
  }
  return { wrapDataKey }
}

/** Makes one entry of one data key, so that a message shows whose key it shares. */
const remembering = (s: Sound) => {
  const known = new Map<string, EncryptedDataKey>()
  const wrapDataKey: Wrap = async (request, options) => {
    const shown = request.dataKey.bytes.join()
    const entry = known.get(shown) ?? (await s.wrapDataKey(request, options))
    known.set(shown, entry)
    return entry
  }
  return { wrapDataKey }
}

const anew = 'seals a data key anew each time where it binds a context'

/** Looks at the info as the sound one does, and at the provider id otherwise. */
const acceptsIds = (what: string, judge: (given: string, own: string) => boolean): BrokenRow =>
  row(what, 'accepts no entry of another provider id', (s) => ({
    accepts: (entry: EncryptedDataKey) =>
      judge(entry.providerId, s.providerId) && s.accepts({ ...entry, providerId: s.providerId }),
  }))

const entries: readonly BrokenRow[] = [
  row('a fixed nonce', anew, withoutNonce),
  row('one entry for one data key', anew, remembering),
  row('a fixed nonce', 'seals no two data keys with one keystream', withoutNonce),
  row(
    'an entry of another provider id',
    'makes entries that carry its provider id and fit the format',
    altered((entry) => ({ ...entry, providerId: 'elsewhere' })),
  ),
  row(
    'info that the format cannot hold',
    'makes entries that carry its provider id and fit the format',
    altered((entry) => ({ ...entry, providerInfo: new Uint8Array(0x10000) })),
  ),
  row(
    'the data key in the info',
    'makes entries in which the data key does not show',
    altered((entry, { bytes }) => ({ ...entry, providerInfo: Uint8Array.from([...entry.providerInfo, ...bytes]) })),
  ),
  row('does not know its own entries', 'accepts its own entries', () => ({ accepts: () => false })),
  row('accepts every entry', 'accepts no entry of another provider id', () => ({ accepts: () => true })),
  acceptsIds('does not look at the provider id', () => true),
  acceptsIds('accepts a provider id that begins with its own', (given, own) => given.startsWith(own)),
  acceptsIds('accepts a provider id of which its own is a part', (given, own) => given.split('-').includes(own)),
  acceptsIds('accepts the beginning of its provider id', (given, own) => own.startsWith(given)),
  acceptsIds('compares provider ids without case', (given, own) => given.toLowerCase() === own.toLowerCase()),
  row('accepts whatever is of AWS KMS', 'accepts no entry of another provider id', (s) => ({
    accepts: (entry: EncryptedDataKey) => entry.providerId === 'aws-kms' || s.accepts(entry),
  })),
  row('accepts a foreign entry', "accepts no other key's entries", ({ providerId }) => ({
    accepts: (entry: EncryptedDataKey) => entry.providerId === providerId,
  })),
]

const judging = 'judges any entry without exception, alike each time, and leaves it unaltered'

const judgements: readonly BrokenRow[] = [
  row('throws for an entry that it cannot read', judging, (s) => ({
    accepts(entry: EncryptedDataKey) {
      if (entry.providerInfo.length < 8) throw new RangeError('too short')
      return s.accepts(entry)
    },
  })),
  row('answers accepts with a promise', judging, (s) => ({
    accepts: async (entry: EncryptedDataKey) => s.accepts(entry),
  })),
  row('accepts each entry once', judging, (s) => {
    let judged = 0
    return { accepts: (entry: EncryptedDataKey) => s.accepts(entry) && judged++ % 2 === 0 }
  }),
  row('alters the entry that it judges', judging, (s) => ({
    accepts(entry: EncryptedDataKey) {
      entry.ciphertext.fill(0)
      return s.accepts(entry)
    },
  })),
]

export const brokenKeys: readonly BrokenRow[] = [...identity, ...roundTrip, ...entries, ...judgements]
